"""The jobs: a full update in batches, retries, registration, and the progress people see."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from masterdata import runs, slips, tasks, tracking_service
from masterdata.models import PackingSlip, Parcel, TrackingBatch, TrackingRun
from masterdata.track123_service import Track123Error
from scheduling import job
from scheduling.testing import assert_enqueued, drain, enqueued

pytestmark = pytest.mark.django_db(transaction=True)


def many(shipped, vendor, count: int) -> None:
    for number in range(count):
        vendor.add(f"TN{number}", "IN_TRANSIT")
        shipped(f"TN{number}", order_id=f"A-{number}")


def test_a_full_update_is_one_job_for_each_hundred_numbers(vendor, shipped):
    many(shipped, vendor, 101)
    assert tasks.update_all_pending_orders() == {"batches": 2}
    assert [len(TrackingBatch.objects.get(pk=each["batch_id"]).slip_ids) for each in batches()] == [100, 1]


def batches() -> list[dict]:
    return enqueued(tasks.update_batch)


def test_the_numbers_of_one_order_stay_in_one_batch(vendor, shipped):
    shipped(",".join(f"A{n}" for n in range(60)), order_id="A-1")
    shipped(",".join(f"B{n}" for n in range(60)), order_id="A-2")
    tasks.update_all_pending_orders()
    assert list(TrackingBatch.objects.values_list("total", flat=True)) == [60, 60]


def test_a_full_update_by_jobs_updates_every_order(vendor, shipped):
    many(shipped, vendor, 3)
    handle = tracking_service.trigger_immediate_update()
    drain()
    assert job(handle.id).state == "succeeded"
    assert set(PackingSlip.objects.values_list("tracking_status", flat=True)) == {"In Transit"}


def test_progress_is_shown_from_the_click_to_the_end(vendor, shipped):
    many(shipped, vendor, 3)
    tracking_service.trigger_immediate_update()
    waiting = runs.latest_progress()
    assert (waiting.stage, waiting.is_running) == ("Waiting for a worker", True)
    drain()
    finished = runs.latest_progress()
    assert (finished.run.pk, finished.stage, finished.percent) == (waiting.run.pk, "Finished", 100)
    assert (finished.done, finished.failed, finished.is_running) == (3, 0, False)


def test_an_update_in_the_place_of_one_that_was_cancelled_long_ago_is_running(vendor, shipped):
    TrackingRun.objects.create(job_id="cancelled", created_at=now() - timedelta(hours=3))
    many(shipped, vendor, 1)
    tasks.update_all_pending_orders()
    assert runs.latest_progress().is_running


def test_with_nothing_due_a_full_update_is_finished_at_once(vendor):
    tasks.update_all_pending_orders()
    assert runs.latest_progress().is_running is False


def test_without_a_key_the_jobs_succeed_and_report_the_count(track123, shipped):
    shipped("TN1", order_id="A-1")
    shipped("TN2", order_id="A-2")
    tasks.update_all_pending_orders()
    (batch,) = TrackingBatch.objects.all()
    assert tasks.update_batch(batch.pk)["skipped"] == 2
    progress = runs.latest_progress()
    assert (progress.failed, progress.error) == (2, "No Track123 API key configured")


def test_a_passing_error_is_retried_and_the_retry_counts_instead(vendor, shipped):
    many(shipped, vendor, 1)
    tasks.update_all_pending_orders()
    (batch,) = TrackingBatch.objects.all()
    vendor.fail(code="B0001", times=1)
    with pytest.raises(Track123Error) as caught:
        tasks.update_batch(batch.pk)
    assert caught.value.permanent is False
    assert runs.latest_progress().failed == 1
    tasks.update_batch(batch.pk)
    progress = runs.latest_progress()
    assert (progress.done, progress.failed, progress.error) == (1, 0, "")


def test_a_job_with_a_wrong_key_fails_at_once_with_its_reason(track123, shipped, key):
    key.track123_api_key = "wrong"
    key.save()
    shipped()
    tasks.update_all_pending_orders()
    drain()
    assert "API key" in runs.latest_progress().error
    assert not enqueued(tasks.update_batch)


def test_a_batch_that_was_killed_and_runs_again_changes_nothing_twice(vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    shipped("TN1")
    tasks.update_all_pending_orders()
    (batch,) = TrackingBatch.objects.all()
    tasks.update_batch(batch.pk)
    again = tasks.update_batch(batch.pk)
    assert (again["skipped"], again["failed"]) == (1, 0)
    assert Parcel.objects.get().events.count() == 4


def test_a_click_while_an_update_waits_shows_the_same_run(vendor, shipped):
    first = tracking_service.trigger_immediate_update()
    second = tracking_service.trigger_immediate_update()
    assert first.id == second.id
    assert TrackingRun.objects.count() == 1


def test_new_numbers_are_registered_in_the_background(vendor, shipped):
    slip = shipped("TN1, TN2")
    assert slips.keep_parcels(slip) is True
    assert tasks.register_parcels(packing_slip_id=slip.pk) == 2
    assert Parcel.objects.filter(registered_at=None).count() == 0
    assert len(vendor.asked("import")) == 1


def test_a_number_that_is_registered_already_counts_as_registered(vendor, shipped):
    vendor.add("TN1", "IN_TRANSIT")
    slip = shipped("TN1")
    slips.keep_parcels(slip)
    assert tasks.register_parcels(packing_slip_id=slip.pk) == 1


def test_a_refused_registration_is_kept_as_the_parcels_error(vendor, shipped):
    vendor.reject("TN1", code="C0113", msg="Courier unknown")
    slip = shipped("TN1")
    slips.keep_parcels(slip)
    assert tasks.register_parcels(packing_slip_id=slip.pk) == 0
    assert Parcel.objects.get().error == "Courier unknown"


def test_the_schedule_steers_the_full_update(vendor):
    tracking_service.schedule_tracking_updates(60)
    tracking_service.trigger_immediate_update()
    assert_enqueued(tasks.update_all_pending_orders)
    assert tracking_service.cancel_tracking_schedule().active is False
