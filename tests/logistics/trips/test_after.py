"""What follows: the end of a trip, flags by the clock, old fixes, and each message once."""

import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils.timezone import now

from ims.accounts import roles
from ims.notices.letters import LetterError
from ims.notices.models import Letter, LetterState, Notice
from logistics import tasks, trip_actions
from logistics.fleet.models import Vehicle
from logistics.notifications.models import Notification
from logistics.notifications.services import NotDelivered
from logistics.trips import upkeep
from logistics.trips.gps import NewFix
from logistics.trips.live_models import GpsPoint, TripEvent
from logistics.trips.models import Patient, Trip, TripStatus
from logistics.trips.planning import Crew
from scheduling.testing import drain, enqueued
from tests.conftest import make_user
from tests.logistics.conftest import phone_of
from tests.logistics.trips.conftest import go

database = pytest.mark.django_db
DAY = timedelta(days=1)


# --- The end of a trip ----------------------------------------------------------------------------------


@database
def test_the_end_frees_the_vehicle_and_tells_the_patient_once(under_way, patient, smtp, fcm):
    phone_of(patient.user)
    go(under_way)
    drain()
    for _ in range(2):
        tasks.process_trip_completion(under_way.pk)
    letters = [letter for letter in smtp.letters if letter.message["Subject"] == "Your transport has ended"]
    assert [letter.recipients for letter in letters] == [["asha@example.com"]]
    kinds = [part.get_content_type() for part in letters[0].message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    assert len(fcm.arrived(f"phone-of-{patient.user.username}")) == 1
    assert Vehicle.objects.get(pk=under_way.vehicle_id).status == "available"


@database
def test_a_patient_without_a_login_gets_the_letter_at_his_own_address(under_way, smtp):
    Patient.objects.update(user=None, email="home@example.com")
    go(under_way)
    for _ in range(2):
        tasks.process_trip_completion(under_way.pk)
    assert [each.recipients for each in smtp.letters] == [["home@example.com"]]
    assert Letter.objects.get().user is None


@database
def test_while_firebase_is_down_the_letter_goes_out_and_the_push_is_tried_again(
    under_way, patient, smtp, fcm
):
    phone_of(patient.user)
    go(under_way)
    fcm.fail(code="UNAVAILABLE", endpoint="messages:send")
    with pytest.raises(NotDelivered):
        tasks.process_trip_completion(under_way.pk)
    assert [letter.message["Subject"] for letter in smtp.letters] == ["Your transport has ended"]
    tasks.process_trip_completion(under_way.pk)
    assert (len(smtp.letters), len(fcm.arrived(f"phone-of-{patient.user.username}"))) == (1, 1)


@database
def test_while_the_mail_server_is_down_the_drivers_phone_and_bell_tell_of_his_trip(trip, driver, smtp, fcm):
    phone_of(driver.user)
    smtp.fail("RCPT", "450 Busy")
    with pytest.raises(LetterError) as caught:
        tasks.send_trip_assignment_notification(trip.pk, driver.pk)
    assert not caught.value.permanent
    assert len(fcm.arrived(f"phone-of-{driver.user.username}")) == 1
    assert Notice.objects.filter(user=driver.user).exists()
    assert tasks.send_trip_assignment_notification(trip.pk, driver.pk) == 1
    assert len(smtp.letters) == len(fcm.arrived(f"phone-of-{driver.user.username}")) == 1


@database
def test_a_late_completion_leaves_the_vehicle_in_its_next_trip(under_way, patient, driver, smtp):
    go(under_way)
    following = trip_actions.create(None, patient=patient, scheduled_pickup_time=now())
    trip_actions.assign(following, Crew(driver, driver.assigned_vehicle), None)
    trip_actions.move(following, TripStatus.EN_ROUTE, None)
    tasks.process_trip_completion(under_way.pk)
    assert Vehicle.objects.get(pk=driver.assigned_vehicle_id).status == "in_trip"


@database
def test_an_end_that_outside_code_wrote_frees_the_vehicle_too(under_way, smtp):
    Trip.objects.update(status="completed", completed_at=now())
    assert tasks.process_trip_completion(under_way.pk)
    assert Vehicle.objects.get(pk=under_way.vehicle_id).status == "available"


@database
def test_a_trip_that_has_not_ended_is_not_processed(under_way):
    assert tasks.process_trip_completion(under_way.pk) is False


@pytest.mark.django_db(transaction=True)
def test_completed_twice_at_once_with_the_worker_killed_in_between_is_one_end(
    under_way, patient, smtp, fcm, settings, qcluster, wait_for
):
    """The mail server hangs, so the worker is killed in mid-letter; whoever goes on sends no second one."""
    phone_of(patient.user)
    go(under_way, TripStatus.ARRIVED)
    smtp.fail("BODY", "hang")
    both = [threading.Thread(target=complete, args=(under_way.pk,)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(enqueued(tasks.process_trip_completion)) == 1
    environment = {
        "DEBUG": "1",
        "EMAIL_URL": f"smtp://127.0.0.1:{smtp.port}",
        "FCM_BASE_URL": fcm.url,
        "GOOGLE_APPLICATION_CREDENTIALS": settings.GOOGLE_APPLICATION_CREDENTIALS,
        "Q_LEASE_SECONDS": "2",
    }
    first = qcluster("--workers", "1", **environment)
    wait_for(lambda: len(smtp.letters) == 2 or Letter.objects.filter(key__contains="completed").exists(), 40)
    os.killpg(first.pid, signal.SIGKILL)
    qcluster("--workers", "1", **environment)
    wait_for(lambda: not enqueued(tasks.process_trip_completion), timeout=60)
    assert Vehicle.objects.get(pk=under_way.vehicle_id).status == "available"
    mine = [letter for letter in smtp.letters if letter.message["Subject"] == "Your transport has ended"]
    assert len(mine) <= 1
    assert Letter.objects.filter(key=f"trip:{under_way.pk}:completed").count() == 1
    assert Notice.objects.filter(user=patient.user, key=f"trip:{under_way.pk}:completed").count() == 1
    assert len(fcm.arrived(f"phone-of-{patient.user.username}")) == 1


def complete(pk: int) -> None:
    trip_actions.move(Trip.objects.get(pk=pk), TripStatus.COMPLETED, None)
    connection.close()


# --- Messages -------------------------------------------------------------------------------------------


@database
def test_an_assignment_is_told_by_mail_and_phone_once_and_names_no_patient(trip, driver, smtp, fcm):
    phone_of(driver.user)
    for _ in range(2):
        tasks.send_trip_assignment_notification(trip.pk, driver.pk)
    (letter,) = smtp.letters
    assert letter.recipients == ["ravi@example.com"]
    assert "12 Alkapuri" in letter.message.as_string()
    assert "Asha" not in letter.message.as_string()
    assert len(fcm.arrived("phone-of-ravi")) == 1


@database
def test_who_lost_the_trip_meanwhile_is_not_told_that_it_is_his(trip, other_driver, smtp):
    assert tasks.send_trip_assignment_notification(trip.pk, other_driver.pk) == 0
    assert not smtp.letters


@database
def test_a_mail_refused_for_now_is_dropped_once_the_trip_is_not_his(trip, driver, other_driver, smtp):
    smtp.fail("RCPT", "450 Mailbox busy")
    with pytest.raises(LetterError):
        tasks.send_trip_assignment_notification(trip.pk, driver.pk)
    Trip.objects.update(driver=other_driver)
    tasks.send_trip_assignment_notification(trip.pk, driver.pk)
    assert Letter.objects.get().state == LetterState.DROPPED
    assert not smtp.letters


@database
def test_a_notification_goes_to_one_person(driver, fcm):
    phone_of(driver.user)
    assert tasks.send_notification(driver.user_id, "ROAD_CLOSED", "The bridge is closed.") == 1
    assert Notice.objects.get().title == "Road closed"
    assert Notification.objects.get().message == "The bridge is closed."


@database
def test_a_new_person_gets_a_link_that_sets_a_password(client, admin, smtp):
    client.force_login(admin)
    body = {"username": "newcomer", "email": "new@example.com", "usable_password": "false"}
    assert client.post("/admin/accounts/user/add/", body).status_code == 302
    drain()
    drain()
    (letter,) = smtp.letters
    text = letter.message.get_body(("plain",)).get_content()
    link = next(line for line in text.splitlines() if "/reset/" in line or "/password" in line)
    client.logout()
    page = client.get(link.strip()[link.strip().index("/", 8) :], follow=True)
    assert b"new_password1" in page.content
    user = type(admin).objects.get(username="newcomer")
    assert tasks.send_welcome_email(user.pk) is False


@database
def test_each_driver_gets_todays_trips_once_and_nobody_an_empty_letter(trip, other_driver, smtp):
    assert tasks.send_daily_digests() == 2
    for _ in range(2):
        drain()
        tasks.send_daily_digest(trip.driver.user_id)
    mine = [letter for letter in smtp.letters if "Your trips on" in letter.message["Subject"]]
    assert [letter.recipients for letter in mine] == [["ravi@example.com"]]
    assert "12 Alkapuri" in mine[0].message.get_body(("plain",)).get_content()


# --- The clock ------------------------------------------------------------------------------------------


@database
def test_a_trip_without_a_move_is_flagged_and_told_once_until_it_moves(under_way, dispatcher, smtp):
    Trip.objects.update(status_changed_at=now() - timedelta(hours=6, minutes=1), notes="as it was")
    assert tasks.check_trip_timeouts() == {"timed_out_count": 1}
    assert tasks.check_trip_timeouts() == {"timed_out_count": 0}
    drain()
    told = Notice.objects.filter(user=dispatcher)
    assert [notice.title for notice in told] == ["Trip Without a Move"]
    under_way.refresh_from_db()
    assert under_way.notes == "as it was"
    trip_actions.move(under_way, TripStatus.AT_PICKUP, None)
    under_way.refresh_from_db()
    assert under_way.timed_out_at is None
    Trip.objects.update(status_changed_at=now() - timedelta(hours=7))
    assert tasks.check_trip_timeouts() == {"timed_out_count": 1}
    drain()
    assert told.all().count() == 2


@database
@pytest.mark.parametrize("status", ["pending", "assigned", "completed", "cancelled"])
def test_only_trips_in_progress_time_out(trip, status):
    Trip.objects.update(status=status, status_changed_at=now() - DAY)
    assert tasks.check_trip_timeouts() == {"timed_out_count": 0}


def at_days(trip: Trip, *days: float) -> None:
    GpsPoint.objects.bulk_create(
        GpsPoint(trip=trip, lat=1, lng=2, recorded_at=now() - timedelta(days=each)) for each in days
    )


@database
@pytest.mark.parametrize(
    ("status", "left"), [("completed", [1, 29]), ("cancelled", [1, 29]), ("in_transit", [1, 29, 31, 89])]
)
def test_old_fixes_go_after_30_days_of_ended_trips_and_after_90_of_any(under_way, status, left):
    at_days(under_way, 1, 29, 31, 89, 91)
    Trip.objects.update(status=status)
    assert tasks.cleanup_old_gps_data()["deleted_count"] == 5 - len(left)
    ages = [round((now() - point.recorded_at) / DAY) for point in GpsPoint.objects.order_by("-recorded_at")]
    assert ages == left


@database
def test_old_events_go_and_the_numbers_go_on(under_way):
    drain()
    TripEvent.objects.update(created_at=now() - timedelta(hours=3))
    assert tasks.cleanup_old_gps_data()["events_deleted"] > 0
    before = TripEvent.objects.count()
    tasks.broadcast_gps_update(under_way.pk, 1, 2)
    assert (before, TripEvent.objects.get().number > 1) == (0, True)


@database
def test_the_cleanup_goes_in_small_batches(under_way, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(upkeep, "BATCH", 10)
    Trip.objects.update(status="completed")
    old = now() - 40 * DAY
    GpsPoint.objects.bulk_create(
        GpsPoint(trip=under_way, lat=1, lng=2, recorded_at=old + timedelta(seconds=n)) for n in range(35)
    )
    with django_assert_max_num_queries(4 * 4 + 2):
        assert upkeep.delete_old_fixes(now()) == 35


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_cleanup_of_a_million_fixes_does_not_hold_up_ingest(under_way):
    Trip.objects.update(status="completed", completed_at=now() + DAY)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for lot in range(100):
        GpsPoint.objects.bulk_create(
            GpsPoint(trip=under_way, lat=1, lng=2, recorded_at=begin + timedelta(seconds=lot * 10_000 + n))
            for n in range(10_000)
        )
    cleanup = threading.Thread(target=lambda: (upkeep.delete_old_fixes(now()), connection.close()))
    cleanup.start()
    begun, waits = time.monotonic(), []
    while cleanup.is_alive():
        started = time.monotonic()
        trip_actions.ingest(under_way, [NewFix(1, 2, now())])
        waits.append(time.monotonic() - started)
        time.sleep(0.05)
    assert max(waits) < (time.monotonic() - begun) / 4  # a part of the cleanup's time, not all of it
    assert not GpsPoint.objects.filter(recorded_at__lt=now() - 30 * DAY).exists()


@database
def test_the_schedules_have_their_public_names(capsys):
    call_command("schedules", "list")
    listed = capsys.readouterr().out
    for name in ("cleanup_old_gps_data", "check_trip_timeouts", "send_daily_digests"):
        assert name in listed


@database
def test_broadcasts_keep_no_row_of_their_success(under_way):
    from django_q.models import Task as FinishedTask

    drain()
    assert not FinishedTask.objects.filter(func__contains="broadcast").exists()


@database
def test_the_dispatchers_are_told_and_nobody_else(under_way, dispatcher, stranger, smtp):
    make_user("retired", roles.DISPATCHER, is_active=False)
    Trip.objects.update(status_changed_at=now() - timedelta(hours=7))
    tasks.check_trip_timeouts()
    drain()
    assert set(Notice.objects.filter(kind__endswith="trip_timed_out").values_list("user", flat=True)) == {
        dispatcher.pk
    }
