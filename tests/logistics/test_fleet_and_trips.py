"""Shifts, posts, the queue of vehicles, and the moves of a trip."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.timezone import now
from hypothesis import given, settings
from hypothesis import strategies as st

from ims.accounts import roles
from logistics import actions, tasks
from logistics.dispatch import tokens
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import TokenStatus, VehicleToken
from logistics.fleet import services as fleet
from logistics.fleet import shifts
from logistics.fleet.models import Shift, ShiftStatus, StaffRole, Station, StationStaff
from logistics.trips import services as trips
from logistics.trips.models import Trip, TripStatus
from tests.conftest import make_user
from tests.logistics.conftest import give_shift

database = pytest.mark.django_db
INDIA = timedelta(hours=5, minutes=30)


def at(hour: int, minute: int = 0, day: int = 22) -> datetime:
    """A time of day where operations are."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - INDIA


# --- Shifts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "on"),
    [(at(7, 59), False), (at(8), True), (at(15, 59), True), (at(16), False), (at(9, day=23), False)],
)
def test_a_shift_covers_its_hours_once(moment, on):
    assert Shift(start=at(8), end=at(16)).covers(moment) is on


@pytest.mark.parametrize(
    ("moment", "on"),
    [
        (at(21, 59), False),
        (at(22), True),
        (at(3, day=23), True),
        (at(6, day=23), False),
        (at(23, day=29), True),
        (at(12, day=29), False),
        (at(23, day=21), False),
    ],
)
def test_a_daily_overnight_shift_compares_the_time_of_day(moment, on):
    overnight = Shift(start=at(22), end=at(6), is_recurring=True)
    assert overnight.covers(moment) is on


def test_the_same_time_twice_is_around_the_clock():
    assert Shift(start=at(8), end=at(8), is_recurring=True).covers(at(3, day=25))


@given(start=st.times(), end=st.times(), moment=st.times())
@settings(max_examples=80)
def test_of_a_shift_and_the_rest_of_the_day_one_covers_each_moment(start, end, moment):
    if start == end:
        return

    def on(day: int, time) -> datetime:
        return (
            datetime(2026, 11, day, tzinfo=UTC).replace(
                hour=time.hour, minute=time.minute, second=time.second, microsecond=time.microsecond
            )
            - INDIA
        )

    shift = Shift(start=on(1, start), end=on(1, end), is_recurring=True)
    rest = Shift(start=on(1, end), end=on(1, start), is_recurring=True)
    assert shift.covers(on(10, moment)) is not rest.covers(on(10, moment))


@database
def test_a_shift_is_decided_once(driver, eic, other_eic):
    waiting = give_shift(driver, driver.assigned_vehicle, status="PENDING")
    assert shifts.decide(waiting, eic, approved=False)
    assert not shifts.decide(waiting, other_eic, approved=True)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.decided_by) == ("REJECTED", eic)


@database
def test_a_shift_that_ends_before_it_starts_is_refused(driver):
    with pytest.raises(ValidationError, match="The end must be after the start"):
        shifts.propose(driver, driver.assigned_vehicle, now(), now() - timedelta(hours=1))


@database
def test_shifts_and_tokens_that_are_over_are_closed(driver, other_driver):
    old = give_shift(driver, driver.assigned_vehicle, start=now() - timedelta(hours=9), end=now())
    daily = give_shift(
        driver, driver.assigned_vehicle, is_recurring=True, start=now() - timedelta(days=9), end=now()
    )
    token = tokens.join(shifts.active_shift(other_driver, now()), now())
    VehicleToken.objects.update(date=tokens.today(now()) - timedelta(days=1))
    assert tasks.close_tokens_and_shifts() == {"tokens": 1, "shifts": 1}
    for row in (old, daily, token):
        row.refresh_from_db()
    assert (old.status, daily.status, token.status) == (ShiftStatus.EXPIRED, "APPROVED", TokenStatus.EXPIRED)


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
