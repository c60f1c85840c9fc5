"""One bad number that makes Track123 refuse a whole request harms no other."""

import pytest

from masterdata import tracking_service, updates
from masterdata.halving import MOST_REQUESTS
from masterdata.models import Parcel
from tests.masterdata.many import ship_many

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quickly(settings, vendor) -> None:
    settings.TRACK123_REQUESTS_PER_SECOND = 1000
    vendor.per_second = 0


@pytest.mark.parametrize("bad", [0, 42, 99])
def test_a_bad_number_among_a_hundred_is_the_error_of_its_order_alone(vendor, bad):
    ship_many(vendor, 100)
    vendor.poison(f"TN{bad}")
    totals = tracking_service.update_all_pending_orders()
    assert (totals["updated"], totals["failed"]) == (99, 1)
    assert "refused this number (A0400)" in Parcel.objects.exclude(error="").get(number=f"TN{bad}").error
    assert len(vendor.asked("query")) <= 15


def test_three_bad_numbers_harm_nobody_near_them(vendor):
    ship_many(vendor, 100)
    for bad in (3, 50, 97):
        vendor.poison(f"TN{bad}")
    totals = tracking_service.update_all_pending_orders()
    assert (totals["updated"], totals["failed"]) == (97, 3)


def test_requests_are_bounded_where_everything_is_refused(vendor):
    ship_many(vendor, 100)
    vendor.fail(code="A0400", times=None)
    totals = tracking_service.update_all_pending_orders()
    assert totals["failed"] == 100
    assert len(vendor.asked("query")) <= MOST_REQUESTS


def test_a_refused_key_is_not_asked_with_again(vendor):
    ship_many(vendor, 100)
    vendor.fail(code="A0201", times=None)
    assert tracking_service.update_all_pending_orders()["failed"] == 100
    assert len(vendor.asked()) == 1


def test_a_bad_new_number_leaves_the_registration_of_others_alone(vendor):
    slips = ship_many(vendor, 20)
    Parcel.objects.update(registered_at=None)
    vendor.parcels.clear()
    vendor.poison("TN7")
    assert updates.register_slips([slip.pk for slip in slips]) == 19
    assert Parcel.objects.get(registered_at=None).number == "TN7"


def test_a_bad_number_alone_is_told_to_its_person(vendor, shipped):
    vendor.poison("TN1")
    result = tracking_service.update_single_order_tracking(shipped().pk)
    assert result["error"] == "TN1: Track123 refused this number (A0400): check it and its courier."
