"""Posts, the queue of vehicles, and the moves of a trip."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.timezone import now
from hypothesis import given, settings
from hypothesis import strategies as st

from ims.accounts import roles
from logistics import actions
from logistics.dispatch import tokens
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import TokenStatus, VehicleToken
from logistics.fleet import services as fleet
from logistics.fleet import shifts
from logistics.fleet.models import StaffRole, Station, StationStaff
from logistics.trips import services as trips
from logistics.trips.models import Trip, TripStatus
from tests.conftest import make_user

database = pytest.mark.django_db


# --- Posts ----------------------------------------------------------------------------------------------


@database
def test_a_post_gives_the_role(ms):
    user = make_user("new")
    fleet.appoint(user, ms, StaffRole.EIC)
    assert user.has_role(roles.EIC)
    assert list(fleet.eics_of(ms)) == [user]


@database
def test_an_eic_works_at_a_mother_station(dbs):
    with pytest.raises(ValidationError, match="mother station"):
        StationStaff(user=make_user("new"), station=dbs, role=StaffRole.EIC).full_clean()


@database
@pytest.mark.parametrize(
    "fields",
    [
        {"type": "DBS", "code": "D", "name": "No mother"},
        {"type": "MS", "code": "", "name": "No code"},
        {"type": "MS", "code": "M", "name": "Owes gas", "current_stock_kg": -1},
    ],
)
def test_the_database_refuses_a_wrong_station(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        Station.objects.create(**fields)


def test_a_station_knows_when_it_runs_dry():
    station = Station(
        current_stock_kg=Decimal(1000), sale_rate_kg_per_hour=Decimal(200), lead_time_minutes=120
    )
    assert (station.dry_out_minutes, station.slack_minutes) == (300, 180)
    assert Station(current_stock_kg=Decimal(5)).dry_out_minutes is None


# --- The queue of vehicles ------------------------------------------------------------------------------


@database
def test_a_token_names_station_day_and_place(driver, other_driver, ms):
    moment = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)  # past midnight in India
    for each in (driver, other_driver):
        each.shifts.update(start=moment - timedelta(hours=1), end=moment + timedelta(hours=1))
    first = tokens.join(shifts.active_shift(driver, moment), moment)
    second = tokens.join(shifts.active_shift(other_driver, moment), moment)
    assert (first.number, second.number) == (f"MS{ms.pk}-20261123-0001", f"MS{ms.pk}-20261123-0002")


@database
def test_joining_twice_keeps_the_place(driver):
    shift = shifts.active_shift(driver, now())
    assert tokens.join(shift, now()) == tokens.join(shift, now())


@database
def test_a_vehicle_on_a_trip_does_not_line_up(driver, offered, api):
    taken = offered(driver)
    actions.accept(taken.pk, driver)
    with pytest.raises(Refused, match="not available"):
        tokens.join(shifts.active_shift(driver, now()), now())


@database
def test_a_vehicle_that_is_offered_does_not_line_up_again(driver, offered):
    taken = offered(driver)
    token = tokens.join(shifts.active_shift(driver, now()), now())
    VehicleToken.objects.update(status=TokenStatus.ALLOCATED, request=taken)
    with pytest.raises(Refused, match="offered or on a trip"):
        tokens.join(shifts.active_shift(driver, now()), now())
    token.refresh_from_db()
    assert token.status == TokenStatus.ALLOCATED


# --- Trips ----------------------------------------------------------------------------------------------

WAY = (
    TripStatus.EN_ROUTE,
    TripStatus.AT_PICKUP,
    TripStatus.IN_TRANSIT,
    TripStatus.ARRIVED,
    TripStatus.COMPLETED,
)


@pytest.fixture
def delivery(driver, offered) -> Trip:
    return actions.accept(offered(driver).pk, driver).trip


@database
def test_each_move_is_stamped(delivery):
    for status in WAY:
        assert actions.move_trip(delivery, status)
        delivery.refresh_from_db()
        assert delivery.status == status
        assert getattr(delivery, f"{status}_at") == delivery.status_changed_at


@database
def test_the_delivered_gas_is_added_once(delivery, dbs):
    for status in WAY[:-1]:
        actions.move_trip(delivery, status)
    assert actions.move_trip(delivery, TripStatus.COMPLETED, Decimal("790.5"))
    assert not actions.move_trip(delivery, TripStatus.COMPLETED, Decimal("790.5"))
    dbs.refresh_from_db()
    delivery.refresh_from_db()
    delivery.stock_request.refresh_from_db()
    assert (dbs.current_stock_kg, delivery.delivered_kg) == (Decimal("1790.50"), Decimal("790.50"))
    assert delivery.stock_request.status == "COMPLETED"
    delivery.vehicle.refresh_from_db()
    assert delivery.vehicle.status == "available"


@database
@pytest.mark.parametrize("status", [TripStatus.PENDING, TripStatus.IN_TRANSIT, TripStatus.COMPLETED])
def test_no_status_is_jumped(delivery, dbs, status):
    with pytest.raises(trips.IllegalMove):
        actions.move_trip(delivery, status)
    dbs.refresh_from_db()
    assert dbs.current_stock_kg == 1000


@given(old=st.sampled_from(TripStatus.values), new=st.sampled_from(TripStatus.values))
@settings(max_examples=64)
def test_an_ended_trip_stays_ended_and_nothing_goes_back(old, new):
    order = TripStatus.values
    if trips.is_legal(old, new):
        assert old not in trips.ENDED
        assert new == "cancelled" or order.index(new) == order.index(old) + 1


@database
def test_a_request_has_one_trip_at_most(delivery, other_driver):
    with pytest.raises(IntegrityError), transaction.atomic():
        Trip.objects.create(
            stock_request=delivery.stock_request, driver=other_driver, vehicle=other_driver.assigned_vehicle
        )


@database
def test_a_driver_has_one_trip_under_way_at_most(delivery, other_driver):
    actions.move_trip(delivery, TripStatus.EN_ROUTE)
    with pytest.raises(IntegrityError), transaction.atomic():
        Trip.objects.create(
            driver=delivery.driver, vehicle=other_driver.assigned_vehicle, status="in_transit"
        )
