"""Keeping orders current, over real HTTP against a stand-in of Track123."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from masterdata import parcels, slips, tracking_service
from masterdata.models import GoogleDriveSettings, PackingSlip, Parcel, ParcelEvent
from masterdata.statuses import TransitStatus
from masterdata.track123_service import ParcelState

pytestmark = pytest.mark.django_db
update = tracking_service.update_single_order_tracking


def test_a_delivered_parcel_delivers_the_order(vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    slip = shipped("TN1", order_id="A-7", tracking_status="In Transit")
    assert update(slip.pk) == {
        "success": True,
        "order_id": "A-7",
        "tracking_number": "TN1",
        "old_status": "In Transit",
        "new_status": "Delivered",
        "is_delivered": True,
    }
    slip.refresh_from_db()
    assert (slip.status, slip.tracking_status) == ("delivered", "Delivered")
    assert slip.delivered_at is not None


def test_a_delivered_order_is_never_asked_about_again(vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    slip = shipped()
    update(slip.pk)
    asked = len(vendor.asked("query"))
    assert update(slip.pk) == {
        "success": True,
        "skipped": True,
        "order_id": "A-1",
        "message": "Already delivered",
    }
    assert tracking_service.update_all_pending_orders()["total"] == 0
    assert len(vendor.asked("query")) == asked


def test_a_text_that_says_delivered_delivers_nothing(vendor, shipped):
    vendor.add("TN1", "IN_TRANSIT")
    vendor.move("TN1", "IN_TRANSIT", "Delivered - left at door")
    slip = shipped()
    result = update(slip.pk)
    slip.refresh_from_db()
    assert (result["new_status"], result["is_delivered"], slip.status) == ("In Transit", False, "shipped")


def test_the_code_delivers_whatever_the_text_says(vendor, shipped):
    vendor.add("TN1", [(0, "DELIVERED", "", "Handed to neighbour")])
    assert update(shipped().pk)["is_delivered"] is True


def test_an_order_of_two_parcels_waits_for_both(vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    vendor.add("TN2", "WAITING_DELIVERY")
    slip = shipped("TN1, TN2")
    first = update(slip.pk)
    assert (first["tracking_number"], first["new_status"]) == ("TN1, TN2", "Out for delivery")
    assert first["is_delivered"] is False
    vendor.move("TN2", "DELIVERED", "Delivered")
    assert update(slip.pk)["is_delivered"] is True


def test_the_least_advanced_parcel_is_the_one_people_read(vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    vendor.add("TN2", "IN_TRANSIT")
    vendor.add("TN3", "ABNORMAL")
    assert update(shipped("TN1,TN2,TN3").pk)["new_status"] == "Exception"


def test_a_parcel_keeps_its_whole_story(vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    update(shipped().pk)
    parcel = Parcel.objects.get()
    assert parcel.events.count() == 4
    assert parcel.last_event == "Delivered - left at front door"
    assert (parcel.status, parcel.sub_status) == ("DELIVERED", "DELIVERED_01")
    assert parcel.delivered_at == parcel.last_event_at


def test_the_same_answer_twice_adds_no_event(vendor, shipped):
    vendor.add("TN1", "IN_TRANSIT")
    slip = shipped()
    update(slip.pk)
    before = ParcelEvent.objects.count()
    update(slip.pk)
    assert ParcelEvent.objects.count() == before > 0


def test_an_older_question_never_overwrites_a_newer_answer(vendor, shipped):
    vendor.add("TN1", "IN_TRANSIT")
    update(shipped().pk)
    parcel = Parcel.objects.get()
    late = ParcelState("TN1", TransitStatus.NO_RECORD, "", None, None, "")
    parcels.record_answers([parcel.slip_id], {"TN1": late}, {}, parcel.asked_at - timedelta(seconds=1))
    parcel.refresh_from_db()
    assert parcel.status == TransitStatus.IN_TRANSIT


def test_a_number_that_track123_does_not_know_is_registered_and_asked_for(vendor, shipped):
    result = update(shipped("NEW1").pk)
    assert (result["success"], result["new_status"]) == (True, "Pending")
    assert Parcel.objects.get().registered_at is not None


def test_a_rejected_number_is_the_error_of_its_order_alone(vendor, shipped):
    vendor.reject("BAD")
    vendor.add("TN1", "IN_TRANSIT")
    shipped("BAD", order_id="A-1")
    good = shipped("TN1", order_id="A-2")
    totals = tracking_service.update_all_pending_orders()
    assert (totals["updated"], totals["failed"]) == (1, 1)
    good.refresh_from_db()
    assert good.tracking_status == "In Transit"
    assert Parcel.objects.get(number="BAD").error


def test_without_a_key_an_order_says_so(track123, shipped):
    assert update(shipped(order_id="A-3").pk) == {
        "success": False,
        "order_id": "A-3",
        "error": "No Track123 API key configured",
    }


def test_a_key_that_cannot_be_decrypted_counts_as_none_and_is_told(vendor, shipped, settings, caplog):
    settings.SECRET_KEY = "another-key-for-tests-that-is-long-enough-to-be-accepted"
    assert update(shipped().pk)["error"] == "No Track123 API key configured"
    assert "SECRET_KEY_FALLBACKS" in caplog.text


def test_without_a_key_a_bulk_update_skips_each_order_and_counts_them(track123, shipped):
    shipped("TN1", order_id="A-1")
    shipped("TN2", order_id="A-2")
    totals = tracking_service.update_all_pending_orders()
    assert (totals["success"], totals["total"], totals["skipped"]) == (True, 2, 2)
    assert totals["errors"] == {"No Track123 API key configured": 2}
    assert track123.asked() == []


def test_the_first_active_row_with_a_key_is_used(track123, shipped):
    for number, (api_key, active) in enumerate([("old", False), ("", True), ("test-key", True), ("x", True)]):
        GoogleDriveSettings.objects.create(
            email=f"{number}@example.com", track123_api_key=api_key, is_active=active
        )
    track123.add("TN1", "IN_TRANSIT")
    assert update(shipped().pk)["success"] is True


def test_a_wrong_key_is_named_and_never_shown(track123, shipped):
    GoogleDriveSettings.objects.create(email="a@example.com", track123_api_key="very-secret")
    result = update(shipped().pk)
    assert result["success"] is False
    assert "API key" in result["error"]
    assert "very-secret" not in result["error"]


def test_when_track123_is_down_the_order_says_so(vendor, shipped):
    vendor.fail(status=503, times=None)
    slip = shipped()
    result = update(slip.pk)
    assert (result["success"], result["order_id"]) == (False, "A-1")
    slip.refresh_from_db()
    assert slip.status == "shipped"


def test_when_track123_is_slow_the_request_ends(vendor, shipped, settings):
    settings.TRACK123_TIMEOUT_SECONDS = 0.3
    vendor.fail(delay=5, times=None)
    assert "0.3 seconds" in update(shipped().pk)["error"]


def test_more_than_a_hundred_numbers_are_asked_for_in_two_queries(vendor, shipped):
    for number in range(101):
        vendor.add(f"TN{number}", "IN_TRANSIT")
        shipped(f"TN{number}", order_id=f"A-{number}")
    assert tracking_service.update_all_pending_orders()["updated"] == 101
    sizes = [len(request.body["trackNoInfos"]) for request in vendor.asked("query")]
    assert sizes == [100, 1]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "ready_to_ship"},
        {"status": "delivered"},
        {"tracking_ids": "  "},
        {"tracking_vendor": ""},
        {"tracking_status": " DELIVERED "},
    ],
)
def test_what_is_not_due(shipped, fields):
    slip = shipped()
    PackingSlip.objects.filter(pk=slip.pk).update(**fields)
    assert not slips.due().exists()


def test_a_shipped_order_is_due(shipped):
    slip = shipped(tracking_status="Delivered to the neighbour")
    assert list(slips.due()) == [slip]


def test_numbers_are_separated_by_commas_and_kept_once():
    assert slips.entered_numbers(" TN1, tn1;\nTN 2,, ") == ["TN1", "TN2"]


def test_a_removed_number_takes_its_parcel_away(vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    slip = shipped("TN1, TN2")
    update(slip.pk)
    PackingSlip.objects.filter(pk=slip.pk).update(tracking_ids="TN1")
    slip.refresh_from_db()
    slips.keep_parcels(slip)
    assert [parcel.number for parcel in slip.parcels.all()] == ["TN1"]


def test_after_sixty_days_without_news_we_stop_asking(vendor, shipped):
    slip = shipped()
    slips.keep_parcels(slip)
    Parcel.objects.update(followed_since=now() - timedelta(days=61))
    assert tracking_service.update_all_pending_orders()["total"] == 0
    slip.refresh_from_db()
    assert slip.tracking_status == "No longer followed"
    assert vendor.asked() == []


def test_news_within_sixty_days_keep_an_order_followed(vendor, shipped):
    slips.keep_parcels(shipped())
    Parcel.objects.update(followed_since=now() - timedelta(days=61), last_event_at=now() - timedelta(days=1))
    assert tracking_service.update_all_pending_orders()["total"] == 1


def test_one_number_on_two_orders_updates_both(vendor, shipped):
    vendor.add("TN1", "IN_TRANSIT")
    shipped("TN1", order_id="A-1")
    shipped("TN1", order_id="A-2")
    assert tracking_service.update_all_pending_orders()["updated"] == 2
    assert len(vendor.asked("query")[0].body["trackNoInfos"]) == 1


@pytest.mark.django_db(transaction=True)
def test_two_updates_of_one_order_at_once_tell_its_story_once(vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    vendor.add("TN2", "DELIVERED")
    slip = shipped("TN1, TN2")

    def run(_: int) -> dict:
        try:
            return update(slip.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, range(2)))
    assert all(result["success"] for result in results)
    slip.refresh_from_db()
    assert slip.status == "delivered"
    assert ParcelEvent.objects.count() == 8


def test_an_unknown_packing_slip_is_an_error(db):
    with pytest.raises(PackingSlip.DoesNotExist):
        update(4711)
