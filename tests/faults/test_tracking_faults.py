"""Tracking updates by real clusters that are killed, by a vendor that hangs, and two at a time.

Whatever happens, no event is kept twice, no status is lost and the run ends.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models import Count
from django.utils.timezone import now

from masterdata import runs, tasks, tracking_service
from masterdata.models import PackingSlip, Parcel, ParcelEvent
from scheduling.models import JobState, QueuedJob
from tests.masterdata.many import ship_many

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.heavy]
EVENTS = 2  # of each parcel on its way


@pytest.fixture
def cluster(qcluster, vendor):
    """Start a cluster of two workers that speaks to the stand-in."""

    def start(**environment: str):
        return qcluster("--workers", "2", TRACK123_BASE_URL=vendor.url, **environment)

    return start


def let_leases_end() -> None:
    """As if the time had passed after which a killed worker's jobs are free again."""
    QueuedJob.objects.filter(lock__gt=now()).update(lock=now())


def is_done() -> bool:
    progress = runs.latest_progress()
    return bool(progress and progress.run.finished_at and progress.answered == progress.run.total)


def assert_all_is_told_once(orders: int) -> None:
    assert PackingSlip.objects.filter(tracking_status="In Transit").count() == orders
    told = ParcelEvent.objects.values("parcel", "at", "status").annotate(times=Count("id"))
    assert [each["times"] for each in told] == [1] * (EVENTS * orders)


@pytest.mark.parametrize("requests", [0, 1, 3])
def test_a_cluster_killed_in_mid_update_goes_on_after_its_start(
    cluster, vendor, wait_for, requests, settings
):
    """Killed before the first, in the first and in the third request to Track123."""
    ship_many(vendor, 400)
    vendor.fail(delay=0.3, times=None)
    tracking_service.trigger_immediate_update()
    first = cluster()
    if requests:
        wait_for(lambda: len(vendor.asked("query")) >= requests, timeout=40)
    else:
        wait_for(lambda: QueuedJob.objects.filter(state=JobState.RUNNING).exists(), timeout=40, every=0.005)
    first.kill()
    let_leases_end()
    cluster()
    wait_for(is_done, timeout=60)
    assert_all_is_told_once(400)


def test_a_cluster_killed_again_and_again_ends_the_run(cluster, vendor, wait_for):
    ship_many(vendor, 300)
    vendor.fail(delay=0.3, times=None)
    tracking_service.trigger_immediate_update()
    for asked in (1, 2):
        doomed = cluster()
        wait_for(lambda asked=asked: len(vendor.asked("query")) >= asked, timeout=40)
        doomed.kill()
        let_leases_end()
    cluster()
    wait_for(is_done, timeout=60)
    assert_all_is_told_once(300)


def test_a_vendor_that_hangs_holds_nobody_for_long(cluster, vendor, wait_for):
    ship_many(vendor, 200)
    vendor.fail(delay=30, times=2)
    cluster(TRACK123_TIMEOUT_SECONDS="1")
    tracking_service.trigger_immediate_update()
    wait_for(lambda: (seen := runs.latest_progress()) and seen.failed == 200, timeout=40)
    assert "did not answer within 1 seconds" in runs.latest_progress().error
    QueuedJob.objects.filter(state=JobState.RETRYING).update(lock=now())  # as if the pause had passed
    wait_for(lambda: runs.latest_progress().done == 200, timeout=40)
    assert_all_is_told_once(200)


def test_a_slip_deleted_in_mid_update_harms_no_other(cluster, vendor, wait_for):
    doomed = ship_many(vendor, 100)[50]
    vendor.fail(delay=1, times=1)
    tracking_service.trigger_immediate_update()
    cluster()
    wait_for(lambda: vendor.asked("query"), timeout=40)
    doomed.delete()
    wait_for(is_done, timeout=40)
    assert_all_is_told_once(99)
    progress = runs.latest_progress()
    assert (progress.done, progress.failed) == (99, 1)
    assert "deleted" in progress.error


def test_a_number_taken_off_in_mid_update_stays_off(cluster, vendor, wait_for, shipped):
    vendor.add("TN1", "DELIVERED")
    vendor.add("TN2", "IN_TRANSIT")
    slip = shipped("TN1, TN2")
    vendor.fail(delay=1, times=1)
    tracking_service.trigger_immediate_update()
    cluster()
    wait_for(lambda: vendor.asked("query"), timeout=40)
    PackingSlip.objects.filter(pk=slip.pk).update(tracking_ids="TN1")
    Parcel.objects.filter(number="TN2").delete()
    wait_for(is_done, timeout=40)
    slip.refresh_from_db()
    assert slip.status == "delivered"
    assert list(slip.parcels.values_list("number", flat=True)) == ["TN1"]


def test_a_full_update_and_a_persons_click_at_once_agree(cluster, vendor, wait_for, shipped):
    vendor.add("TN1", "DELIVERED")
    slip = shipped("TN1")
    vendor.fail(delay=0.5, times=None)
    cluster()
    tracking_service.trigger_immediate_update()
    wait_for(lambda: vendor.asked("query"), timeout=40)
    result = tracking_service.update_single_order_tracking(slip.pk)
    wait_for(is_done, timeout=40)
    slip.refresh_from_db()
    assert result["success"] is True
    assert (slip.status, slip.tracking_status) == ("delivered", "Delivered")
    assert ParcelEvent.objects.count() == 4


@pytest.fixture
def webhook(settings, live_server, vendor) -> None:
    """From now on the stand-in tells a real server of ours whenever a parcel moves."""
    settings.TRACK123_WEBHOOK_SECRET = "a-long-secret"
    vendor.webhook_url = f"{live_server.url}/api/masterdata/track123/webhook/a-long-secret/"


def test_a_webhook_in_mid_poll_of_the_same_parcel_tells_its_end_once(
    cluster, webhook, vendor, wait_for, shipped
):
    """The poll asked before the parcel arrived; its old answer comes after that to the webhook's job."""
    vendor.add("TN1", "IN_TRANSIT")
    slip = shipped("TN1")
    Parcel.objects.create(slip=slip, number="TN1", courier_code="fedex", registered_at=now())
    vendor.fail(lag=2, endpoint="query")
    tracking_service.trigger_immediate_update()
    cluster()
    wait_for(lambda: vendor.asked("query"), timeout=40)
    vendor.move("TN1", "DELIVERED", "Delivered - left at door")
    wait_for(lambda: PackingSlip.objects.filter(status="delivered").exists(), timeout=10)
    delivered_at = PackingSlip.objects.get().delivered_at
    wait_for(lambda: is_done() and not QueuedJob.objects.exists(), timeout=40)
    slip.refresh_from_db()
    assert slip.delivered_at == delivered_at
    assert vendor.webhooks == [("TN1", 200)]
    assert (slip.status, slip.tracking_status) == ("delivered", "Delivered")
    assert Parcel.objects.get().status == "DELIVERED"
    told = ParcelEvent.objects.values("at", "status").annotate(times=Count("id"))
    assert [each["times"] for each in told] == [1] * (EVENTS + 1)


def test_a_hundred_updates_of_one_slip_at_once_tell_its_story_once(vendor, shipped, settings):
    settings.TRACK123_REQUESTS_PER_SECOND = 1000
    vendor.per_second = 0
    vendor.add("TN1", "IN_TRANSIT")
    vendor.add("TN2", "IN_TRANSIT")
    slip = shipped("TN1, TN2")

    def update(_: int) -> bool:
        try:
            return tasks.update_packing_slip(slip.pk)[0]["success"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(update, range(100)))
    assert_all_is_told_once_of_two_parcels(slip)


def assert_all_is_told_once_of_two_parcels(slip: PackingSlip) -> None:
    slip.refresh_from_db()
    assert slip.tracking_status == "In Transit"
    assert ParcelEvent.objects.count() == 2 * EVENTS
