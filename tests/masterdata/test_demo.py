"""The demo stays alive: fresh parcels arrive in minutes, others are on their way for days."""

import pytest
from django.core.management import call_command

from masterdata import demo, queries, tracking_service
from masterdata.models import GoogleDriveSettings, PackingSlip
from tests.peers.parcels import Parcel, demo_journey
from tests.peers.track123 import Track123Server

pytestmark = pytest.mark.django_db


@pytest.fixture
def stand_in(settings):
    """The Track123 of `make run`."""
    settings.DEBUG = True
    settings.TRACK123_REQUESTS_PER_SECOND = 1000
    with Track123Server("demo-key", per_second=0, auto_register=True, journey=demo_journey) as server:
        settings.TRACK123_BASE_URL = server.url
        yield server


def moving_after(stand_in: Track123Server, minutes: float) -> int:
    stand_in.advance(60 * minutes)
    tracking_service.update_all_pending_orders()
    return queries.figures()["moving"]


def test_many_parcels_are_still_moving_after_two_minutes_and_after_an_hour(stand_in):
    call_command("demo", verbosity=0)
    tracking_service.update_all_pending_orders()
    assert moving_after(stand_in, 2) >= 5
    assert moving_after(stand_in, 60) >= 5


def test_the_fresh_orders_have_arrived_after_two_minutes(stand_in):
    call_command("demo", verbosity=0)
    fresh = PackingSlip.objects.filter(parcels__registered_at=None, status="shipped")
    chosen = list(fresh.values_list("pk", flat=True))
    assert len(chosen) == demo.FRESH
    tracking_service.update_all_pending_orders()
    moving_after(stand_in, 2)
    assert PackingSlip.objects.filter(pk__in=chosen, status="delivered").count() == demo.FRESH


def test_later_orders_keep_some_moving(stand_in):
    GoogleDriveSettings.objects.create(email=demo.EMAIL, track123_api_key=demo.KEY)
    for _ in range(3):
        demo.ship_orders()
    tracking_service.update_all_pending_orders()
    assert moving_after(stand_in, 5) == 3 * demo.SLOW


def test_a_slow_parcel_arrives_in_the_end(stand_in):
    GoogleDriveSettings.objects.create(email=demo.EMAIL, track123_api_key=demo.KEY)
    demo.ship_orders(1, slow=1)
    tracking_service.update_all_pending_orders()
    assert moving_after(stand_in, 9 * 24 * 60) == 0
    assert PackingSlip.objects.get().status == "delivered"


@pytest.mark.parametrize(
    ("number", "status"), [("DEMO-FAILED-0001", "DELIVERY_FAILED"), ("DEMO-DAMAGED-0001", "ABNORMAL")]
)
def test_a_parcel_that_is_stuck_is_so_from_the_first_question_on(number, status):
    parcel = Parcel(number, demo_journey(number, "ups"), registered_at=1_000_000)
    assert parcel.status(1_000_000) == status
    assert parcel.content(1_000_000)["lastTrackingTime"] < "1970-01-10"
