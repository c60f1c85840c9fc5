"""Offers that nobody answers: taken back in time, told of once, at a cost that follows what has expired."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from ims.lib.local_time import local_day
from ims.notices.models import Notice
from logistics import actions, tasks
from logistics.dispatch import expiry, tokens
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import Answer, Offer, StockRequest, TokenStatus, VehicleToken
from logistics.fleet import shifts
from logistics.fleet.models import Vehicle
from logistics.tasks.offers import offer_queued
from logistics.tasks.policy import PUSH
from scheduling.models import JobState, QueuedJob
from scheduling.testing import drain, enqueued
from tests.logistics.conftest import phone_of

pytestmark = pytest.mark.django_db


def test_the_schedule_has_its_public_name_and_runs_every_minute():
    cadence = tasks.check_expired_driver_assignments.cadence
    assert (cadence.name, cadence.every_minutes) == ("check_expired_driver_assignments", 1)
    assert tasks.check_expired_driver_assignments.name == "logistics.check_expired_driver_assignments"
    assert tasks.notify_eic_assignment_expired.name == "logistics.notify_eic_assignment_expired"


def test_an_overdue_offer_goes_back_to_pending(offered, driver):
    late = offered(driver, seconds_ago=301)
    assert tasks.check_expired_driver_assignments() == {"expired_count": 1}
    late.refresh_from_db()
    assert (late.status, late.target_driver, late.assignment_started_at) == ("PENDING", None, None)
    assert (late.assignment_mode, late.expiries) == (None, 1)
    offer = Offer.objects.get()
    assert (offer.driver, offer.answer) == (driver, Answer.EXPIRED)


def test_an_offer_in_time_stays(offered, driver):
    offered(driver, seconds_ago=295)
    assert tasks.check_expired_driver_assignments() == {"expired_count": 0}


@pytest.mark.parametrize("status", ["ASSIGNED", "COMPLETED", "CANCELLED"])
def test_only_an_offer_can_expire(asked, driver, status):
    long_ago = now() - timedelta(days=1)
    kept = asked(status=status, target_driver=driver, assignment_started_at=long_ago)
    assert tasks.check_expired_driver_assignments() == {"expired_count": 0}
    kept.refresh_from_db()
    assert kept.target_driver == driver


def test_the_time_to_answer_is_a_setting(offered, driver, settings):
    settings.DRIVER_ASSIGNMENT_TIMEOUT_SECONDS = 30
    offered(driver, seconds_ago=31)
    assert tasks.check_expired_driver_assignments() == {"expired_count": 1}


def test_an_allocated_token_waits_again_in_its_old_place(offered, driver, other_driver):
    late = offered(driver, seconds_ago=301)
    mine = tokens.join(shifts.active_shift(driver, now()), now())
    VehicleToken.objects.filter(pk=mine.pk).update(status=TokenStatus.ALLOCATED, request=late)
    tokens.join(shifts.active_shift(other_driver, now()), now())
    tasks.check_expired_driver_assignments()
    assert tokens.waiting(late.dbs.parent_station, now()).first() == mine


def test_a_token_of_yesterday_does_not_come_back(offered, driver):
    late = offered(driver, seconds_ago=301)
    mine = tokens.join(shifts.active_shift(driver, now()), now())
    yesterday = local_day(now()) - timedelta(days=1)
    VehicleToken.objects.update(status=TokenStatus.ALLOCATED, request=late, date=yesterday)
    tasks.check_expired_driver_assignments()
    mine.refresh_from_db()
    assert (mine.status, mine.request) == (TokenStatus.EXPIRED, None)


def test_each_expiry_makes_one_job_however_often_one_looks(offered, driver):
    late = offered(driver, seconds_ago=301)
    offer = Offer.objects.create(request=late, driver=driver, offered_at=late.assignment_started_at)
    tasks.expire_offer(offer.pk)
    tasks.check_expired_driver_assignments()
    tasks.expire_offer(offer.pk)
    jobs = enqueued(tasks.notify_eic_assignment_expired)
    assert jobs == [{"stock_request_id": late.pk, "offer_id": offer.pk}]


def test_a_reset_and_its_job_commit_together(offered, driver):
    late = offered(driver, seconds_ago=301)
    with transaction.atomic():
        assert tasks.expire_batch() == 1
        transaction.set_rollback(True)
    late.refresh_from_db()
    assert late.status == "ASSIGNING"
    assert enqueued(tasks.notify_eic_assignment_expired) == []


def test_a_job_waits_for_the_deadline(offered, driver, api, eic, request_):
    body = {"status": "ASSIGNING", "driver_id": driver.pk}
    api(eic).patch(f"/api/eic/stock-requests/{request_.pk}/status/", body, format="json")
    job = QueuedJob.objects.get(func=tasks.expire_offer.path)
    request_.refresh_from_db()
    assert job.state == JobState.SCHEDULED
    assert job.lock == request_.expires_at


def test_a_deadline_that_has_moved_is_awaited(offered, driver):
    still_open = offered(driver, seconds_ago=100)
    offer = Offer.objects.create(request=still_open, driver=driver)
    assert tasks.expire_offer(offer.pk) is False
    assert enqueued(tasks.expire_offer) == [{"offer_id": offer.pk}]


def test_the_third_expiry_escalates_once(offered, driver, eic, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    late = offered(driver, seconds_ago=301, expiries=2)
    tasks.check_expired_driver_assignments()
    late.refresh_from_db()
    assert late.is_escalated
    drain()
    from django.core import mail

    assert [message.subject for message in mail.outbox] == ["Nobody Takes This Trip"]
    assert set(Notice.objects.filter(user=eic).values_list("title", flat=True)) == {
        "Nobody Takes This Trip",
        "Driver Assignment Expired",
    }


def test_the_eics_read_who_did_not_answer(offered, driver, eic, other_eic, fcm):
    phone_of(eic)
    phone_of(other_eic)
    late = offered(driver, seconds_ago=301)
    tasks.check_expired_driver_assignments()
    assert tasks.notify_eic_assignment_expired(late.pk) == 1
    arrived = fcm.arrived()
    assert [push["token"] for push in arrived] == ["phone-of-eic"]
    assert arrived[0]["notification"] == {
        "title": "Driver Assignment Expired",
        "body": "Ravi did not accept the trip to Anand DBS. Please reassign.",
    }
    assert arrived[0]["data"] == {
        "type": "ASSIGNMENT_EXPIRED",
        "stock_request_id": str(late.pk),
        "driver_id": str(driver.pk),
        "driver_name": "Ravi",
        "dbs_name": "Anand DBS",
        "action": "REASSIGN_REQUIRED",
    }


def test_an_inactive_eic_is_not_told(offered, driver, eic, fcm):
    phone_of(eic)
    eic.is_active = False
    eic.save()
    late = offered(driver, seconds_ago=301)
    tasks.check_expired_driver_assignments()
    assert tasks.notify_eic_assignment_expired(late.pk) == 0


# --- Cost -----------------------------------------------------------------------------------------------


def overdue(count: int, dbs, on_duty) -> None:
    """Each offered to a driver of its own, as the constraints want."""
    drivers = [on_duty(f"d{number}") for number in range(count)]
    long_ago = now() - timedelta(hours=1)
    StockRequest.objects.bulk_create(
        StockRequest(
            dbs=dbs,
            requested_qty_kg=1,
            status="ASSIGNING",
            target_driver=driver,
            assignment_started_at=long_ago,
        )
        for driver in drivers
    )


def test_a_batch_takes_the_same_statements_for_one_and_for_many(dbs, on_duty):
    counts = []
    for prefix, size in (("a", 1), ("b", 60)):
        overdue(size, dbs, lambda name, prefix=prefix: on_duty(prefix + name))
        with CaptureQueriesContext(connection) as captured:
            assert tasks.expire_batch() == size
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_more_than_a_batch_is_taken_back_in_one_run(dbs, on_duty, monkeypatch):
    monkeypatch.setattr(expiry.expire_overdue, "__defaults__", (7,))
    overdue(20, dbs, on_duty)
    assert tasks.check_expired_driver_assignments() == {"expired_count": 20}
    assert len(enqueued(tasks.notify_eic_assignment_expired)) == 20


def test_overdue_offers_are_found_by_the_index(asked):
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        expiry.expire_overdue(now())
    look = next(each["sql"] for each in captured if "assignment_started_at" in each["sql"])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {look}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {look}")
        plan = str(cursor.fetchall())
    assert "request_by_deadline" in plan


# --- What somebody decides, or deletes, in the same moment ------------------------------------------------


def test_a_request_that_is_cancelled_while_the_queue_is_served_holds_up_nobody(asked, driver, eic):
    read = asked(status="QUEUED")
    actions.join_queue(shifts.active_shift(driver, now()))
    actions.cancel(StockRequest.objects.get(pk=read.pk), eic)
    assert offer_queued(read) is False
    other = asked(status="QUEUED")
    assert tasks.serve_queue(other.dbs.parent_station_id) == 1


def test_an_offer_that_was_deleted_has_no_end_and_its_messages_are_not_tried_again(db):
    assert tasks.expire_offer(987) is False
    with pytest.raises(Offer.DoesNotExist) as caught:
        tasks.notify_driver_trip_offer(987)
    assert PUSH.gives_up(caught.value, attempt=1)


def test_a_vehicle_that_went_into_maintenance_is_not_taken_on_the_road(offered, driver):
    request = offered(driver)
    Vehicle.objects.update(status="maintenance")
    with pytest.raises(Refused, match="in maintenance by now: decline"):
        actions.accept(request.pk, driver)
    actions.decline(request.pk, driver)
    assert Offer.objects.get().answer == Answer.REJECTED
