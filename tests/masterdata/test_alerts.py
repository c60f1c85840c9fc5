"""Operations are told of parcels that need a person: once at the bell, and in a daily e-mail."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from ims.accounts import roles
from ims.accounts.models import User
from ims.lib.local_time import local_day
from ims.notices import services as notices
from ims.notices.models import Letter, Notice
from masterdata import alerts, digest, slips, tasks, updates
from masterdata.models import PackingSlip, Parcel
from scheduling import declaration
from scheduling.testing import drain, enqueued
from tests.conftest import make_user
from tests.peers.fixtures import smtp

__all__ = ["smtp"]
pytestmark = pytest.mark.django_db
MONDAY = date(2026, 11, 23)


def update(slip: PackingSlip) -> None:
    (result,) = updates.update_slips([slip.pk])
    assert result["success"], result


def parcel(slip: PackingSlip, **fields: object) -> Parcel:
    slips.keep_parcels(slip)
    slip.parcels.update(**{"last_event_at": now(), **fields})
    return slip.parcels.get()


def silent(slip: PackingSlip, days: int, **fields: object) -> Parcel:
    since = now() - timedelta(days=days)
    return parcel(slip, **{"last_event_at": since, "followed_since": since, "status": "IN_TRANSIT", **fields})


# --- The bell: trouble ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        ("ABNORMAL", "tracking.exception", "Exception: order A-1"),
        ("DELIVERY_FAILED", "tracking.delivery_failed", "Delivery failed: order A-1"),
        ("EXPIRED", "tracking.expired", "Expired: order A-1"),
    ],
)
def test_trouble_is_told_with_a_link_to_the_order(vendor, shipped, operations, status, kind, words):
    vendor.add("TN1", status)
    slip = shipped()
    update(slip)
    notice = Notice.objects.get()
    assert (notice.user, notice.kind, notice.title) == (operations, kind, words)
    assert notice.url == slip.get_absolute_url()
    assert "FedEx TN1" in notice.text


@pytest.mark.parametrize("status", ["IN_TRANSIT", "DELIVERED", "NO_RECORD"])
def test_what_goes_well_is_not_told(vendor, shipped, operations, status):
    vendor.add("TN1", status)
    update(shipped())
    assert not Notice.objects.exists()


def test_operations_are_told_and_nobody_else(vendor, shipped, operations, reader, operator, stranger):
    vendor.add("TN1", "ABNORMAL")
    update(shipped())
    assert [notice.user for notice in Notice.objects.all()] == [operations]


def test_the_same_trouble_is_told_once(vendor, shipped, operations):
    vendor.add("TN1", "ABNORMAL")
    slip = shipped()
    update(slip)
    update(slip)
    assert Notice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_updates_at_once_tell_once(vendor, shipped, operations):
    vendor.add("TN1", "ABNORMAL")
    slip = shipped()
    slips.keep_parcels(slip)
    barrier = threading.Barrier(2)
    results: list[dict] = []

    def ask() -> None:
        barrier.wait()
        results.extend(updates.update_slips([slip.pk]))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result["success"] for result in results] == [True, True]
    assert Notice.objects.count() == 1


def test_trouble_that_comes_back_is_told_again(vendor, shipped, operations):
    vendor.add("TN1", [(0, "ABNORMAL", "", "Damaged"), (1, "IN_TRANSIT", "", "Repacked"), (2, "ABNORMAL")])
    slip = shipped()
    for _ in range(3):
        update(slip)
        vendor.advance(1)
    assert Notice.objects.count() == 2


def test_another_trouble_of_the_same_parcel_is_another_event(vendor, shipped, operations):
    vendor.add("TN1", [(0, "DELIVERY_FAILED", "", "Nobody home"), (1, "EXPIRED")])
    slip = shipped()
    update(slip)
    vendor.advance(1)
    update(slip)
    kinds = Notice.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["tracking.delivery_failed", "tracking.expired"]


def test_each_parcel_of_an_order_is_told(vendor, shipped, operations):
    for number in ("TN1", "TN2"):
        vendor.add(number, "ABNORMAL")
    update(shipped("TN1, TN2"))
    assert Notice.objects.count() == 2


def test_who_muted_the_kind_is_not_told(vendor, shipped, operations):
    notices.mute(operations, "tracking.exception")
    vendor.add("TN1", "ABNORMAL")
    update(shipped())
    assert not Notice.objects.exists()


def test_what_cannot_be_told_is_not_kept_so_that_the_next_update_tells_it(vendor, shipped, operations):
    vendor.add("TN1", "ABNORMAL")
    slip = shipped()
    rename("notices_notice", "out_of_reach")
    (result,) = updates.update_now([slip.pk])
    rename("out_of_reach", "notices_notice")
    assert result["success"] is False
    assert slip.parcels.get().status == "INIT"
    update(slip)
    assert Notice.objects.count() == 1


def rename(table: str, name: str) -> None:
    """A database that fails for real."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


# --- The bell: silence ----------------------------------------------------------------------------------


def test_a_parcel_that_stopped_moving_is_told_once(shipped, operations):
    silent(shipped(), days=8)
    assert tasks.tell_quiet_parcels() == 1
    tasks.tell_quiet_parcels()
    notice = Notice.objects.get()
    assert notice.kind == alerts.QUIET
    assert "order A-1" in notice.title


def test_a_parcel_that_moved_and_stopped_again_is_told_again(shipped, operations):
    quiet = silent(shipped(), days=20)
    tasks.tell_quiet_parcels()
    Parcel.objects.filter(pk=quiet.pk).update(last_event_at=now() - timedelta(days=9))
    tasks.tell_quiet_parcels()
    assert Notice.objects.count() == 2


@pytest.mark.parametrize(
    ("days", "fields"),
    [
        (6, {}),
        (8, {"status": "DELIVERED"}),
        (8, {"status": "ABNORMAL"}),  # told as an exception
        (8, {"unfollowed_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        (6, {"error": "Courier unknown"}),
    ],
)
def test_other_parcels_are_not_told_as_silent(shipped, operations, days, fields):
    silent(shipped(), days, **fields)
    assert tasks.tell_quiet_parcels() == 0


def test_an_order_that_was_marked_as_delivered_is_left_alone(shipped, operations):
    slip = shipped()
    silent(slip, days=8)
    slips.mark_delivered(slip)
    assert tasks.tell_quiet_parcels() == 0


@pytest.mark.parametrize("count", [1, 30])
def test_silence_is_told_in_the_same_statements(shipped, operations, count, django_assert_num_queries):
    for number in range(count):
        silent(shipped(f"TN{number}", order_id=f"A-{number}"), days=8)
    with django_assert_num_queries(4):  # parcels, people, mutes, notices
        alerts.tell_quiet(now())
    assert Notice.objects.count() == count


# --- The daily e-mail -----------------------------------------------------------------------------------


def send(user, day: date = MONDAY) -> bool:
    return digest.send(user.pk, day, now())


def body_of(letter) -> str:
    return letter.message.get_body(("plain",)).get_content()


def test_the_digest_tells_what_needs_attention_with_links(smtp, shipped, operations, settings):
    settings.SITE_URL = "https://ims.example.com"
    slip = shipped()
    parcel(slip, status="ABNORMAL", last_event="Damaged in a flood")
    assert send(operations) is True
    (letter,) = smtp.letters
    assert letter.message["Subject"] == "1 parcel needs attention, 1 new"
    text = body_of(letter)
    assert "A-1 – Exception" in text
    assert "Damaged in a flood" in text
    assert f"https://ims.example.com/shipments/{slip.pk}/" in text
    html = letter.message.get_body(("html",)).get_content()
    assert f'href="https://ims.example.com/shipments/{slip.pk}/"' in html


def test_with_nothing_to_tell_nothing_is_sent(smtp, shipped, operations):
    parcel(shipped(), status="IN_TRANSIT")
    assert send(operations) is False
    assert not smtp.letters
    assert not Letter.objects.exists()


def test_the_new_ones_come_first_on_the_next_day(smtp, shipped, operations):
    parcel(shipped("TN1", order_id="OLD"), status="ABNORMAL")
    send(operations)
    parcel(
        shipped("TN2", order_id="NEW"), status="ABNORMAL", last_event_at=now() - timedelta(days=3)
    )  # it happened long ago, but we hear of it now
    send(operations, MONDAY + timedelta(days=1))
    letter = smtp.letters[1]
    assert letter.message["Subject"] == "2 parcels need attention, 1 new"
    text = body_of(letter)
    assert text.index("NEW") < text.index("STILL OPEN") < text.index("OLD")


def test_a_day_is_never_sent_twice(smtp, shipped, operations):
    parcel(shipped(), status="ABNORMAL")
    assert send(operations) is True
    assert send(operations) is False
    assert len(smtp.letters) == 1


def test_a_long_list_ends_with_a_number(smtp, shipped, operations, monkeypatch):
    monkeypatch.setattr(digest, "MOST_LINES", 2)
    for number in range(5):
        parcel(shipped(f"TN{number}", order_id=f"A-{number}"), status="ABNORMAL")
    send(operations)
    assert "… and 3 more." in body_of(smtp.letters[0])


def test_text_of_a_courier_is_no_html(smtp, shipped, operations):
    parcel(shipped(), status="ABNORMAL", last_event="<script>alert(1)</script>")
    send(operations)
    html = smtp.letters[0].message.get_body(("html",)).get_content()
    assert "<script>" not in html


def test_the_job_of_the_morning_sends_to_each_reader_once(smtp, shipped, operations, reader):
    User.objects.filter(pk=make_user("no-mail", roles.OPERATIONS).pk).update(email="")
    muted = make_user("muted", roles.OPERATIONS)
    notices.mute(muted, alerts.DIGEST)
    parcel(shipped(), status="ABNORMAL")
    for _ in range(2):
        tasks.send_tracking_digest.enqueue()
        drain()
    assert [letter.recipients for letter in smtp.letters] == [["operations@example.com"]]


def test_a_passing_error_of_the_mail_server_is_retried(smtp, shipped, operations):
    parcel(shipped(), status="ABNORMAL")
    smtp.fail("RCPT", "450 Mailbox busy")
    job = tasks.send_tracking_digest_to.enqueue(operations.pk, MONDAY.isoformat())
    drain()
    assert job.state == "retrying"
    assert enqueued(tasks.send_tracking_digest_to)


def test_a_refusal_for_good_ends_the_job(smtp, shipped, operations):
    parcel(shipped(), status="ABNORMAL")
    smtp.fail("RCPT", "550 No such mailbox")
    job = tasks.send_tracking_digest_to.enqueue(operations.pk, MONDAY.isoformat())
    drain()
    assert job.state == "failed"
    assert "550 No such mailbox" in job.error


def test_who_left_the_role_before_the_job_ran_gets_nothing(smtp, shipped, operations):
    parcel(shipped(), status="ABNORMAL")
    operations.groups.clear()
    assert send(operations) is False


def test_the_day_is_that_of_operations(settings):
    settings.OPERATIONS_TIME_ZONE = "Asia/Kolkata"
    assert local_day(datetime(2026, 11, 22, 20, tzinfo=UTC)) == MONDAY


def test_the_digest_goes_out_at_eight_where_operations_are():
    cadence = declaration.scheduled()["tracking_digest"].cadence
    assert (cadence.cron, cadence.tz) == ("0 8 * * *", "Asia/Kolkata")


@pytest.mark.parametrize("count", [1, 30])
def test_a_digest_is_composed_in_one_statement(shipped, count, django_assert_num_queries):
    for number in range(count):
        parcel(shipped(f"TN{number}", order_id=f"A-{number}"), status="ABNORMAL")
    with django_assert_num_queries(1):
        digest.compose(digest.found(now()), set())


def test_a_long_digest_counts_all_and_keeps_few(shipped, operations, smtp, monkeypatch):
    monkeypatch.setattr(digest, "MOST_LINES", 3)
    monkeypatch.setattr(digest, "MOST_TOLD", 4)
    for number in range(6):
        parcel(shipped(f"TN{number}", order_id=f"A-{number}"), status="ABNORMAL")
    told = digest.compose(digest.found(now()), set())
    assert (told.count, told.new_count, len(told.new), len(told.marks)) == (6, 6, 3, 4)
    letter = digest.draft(operations, told, MONDAY)
    assert "6 parcels need attention" in letter.subject
    assert "3 more" in letter.text
