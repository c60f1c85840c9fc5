"""When a driver is on duty, who decides it, and that a driver and a vehicle have one shift at a time."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ims.lib.local_time import local_day
from logistics import tasks
from logistics.dispatch import tokens
from logistics.dispatch.models import TokenStatus, VehicleToken
from logistics.fleet import shifts
from logistics.fleet.models import Shift, ShiftStatus
from tests.logistics.conftest import give_shift, wish

database = pytest.mark.django_db
INDIA = timedelta(hours=5, minutes=30)


def at(hour: int, minute: int = 0, day: int = 22) -> datetime:
    """A time of day where operations are."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - INDIA


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
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
def test_of_a_shift_and_the_rest_of_the_day_one_covers_each_moment(start, end, moment):
    if start == end:
        return

    def on(day: int, clock: time) -> datetime:
        return datetime.combine(datetime(2026, 11, day), clock, UTC) - INDIA  # noqa: DTZ001 - a day alone

    shift = Shift(start=on(1, start), end=on(1, end), is_recurring=True)
    rest = Shift(start=on(1, end), end=on(1, start), is_recurring=True)
    assert shift.covers(on(10, moment)) is not rest.covers(on(10, moment))


# --- Deciding -------------------------------------------------------------------------------------------


@database
def test_a_shift_is_decided_once(driver, eic, other_eic):
    waiting = wish(driver)
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
    VehicleToken.objects.update(date=local_day(now()) - timedelta(days=1))
    assert tasks.close_tokens_and_shifts() == {"tokens": 1, "shifts": 1}
    for row in (old, daily, token):
        row.refresh_from_db()
    assert (old.status, daily.status, token.status) == (ShiftStatus.EXPIRED, "APPROVED", TokenStatus.EXPIRED)


@database
def test_a_shift_that_comes_every_day_is_ended(driver, eic):
    daily = give_shift(driver, driver.assigned_vehicle, is_recurring=True)
    assert shifts.end(daily, eic)
    assert not shifts.end(daily, eic)
    daily.refresh_from_db()
    assert (daily.status, daily.decided_by) == ("EXPIRED", eic)


@database
def test_a_driver_takes_back_what_is_not_decided(driver, eic):
    approved, waiting = driver.shifts.get(), wish(driver)
    assert shifts.take_back(waiting)
    assert not shifts.take_back(approved)
    assert list(driver.shifts.all()) == [approved]


# --- One at a time --------------------------------------------------------------------------------------

EARLY = {"start": at(6), "end": at(14)}
NIGHT = {"start": at(22), "end": at(6, day=23)}
EVERY_NIGHT = {"start": at(22), "end": at(6), "is_recurring": True}


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (EARLY, {"start": at(13), "end": at(15)}, True),
        (EARLY, {"start": at(14), "end": at(15)}, False),
        (EARLY, {"start": at(7), "end": at(8)}, True),
        (NIGHT, {"start": at(5, day=23), "end": at(13, day=23)}, True),
        (NIGHT, {"start": at(6, day=23), "end": at(13, day=23)}, False),
        (EVERY_NIGHT, {"start": at(5, day=29), "end": at(13, day=29)}, True),
        (EVERY_NIGHT, {"start": at(20, day=29), "end": at(23, day=29)}, True),
        (EVERY_NIGHT, {"start": at(6, day=29), "end": at(22, day=29)}, False),
        (EVERY_NIGHT, {"start": at(3), "end": at(5)}, False),  # the morning before its first night
        (EVERY_NIGHT, {"start": at(6, day=25), "end": at(22, day=25), "is_recurring": True}, False),
        (EVERY_NIGHT, {"start": at(5, day=25), "end": at(7, day=25), "is_recurring": True}, True),
        (EVERY_NIGHT, {"start": at(8, day=25), "end": at(8, day=25), "is_recurring": True}, True),
    ],
)
def test_shifts_that_share_a_moment_overlap(one, other, together):
    assert shifts.overlap(Shift(**one), Shift(**other)) is together
    assert shifts.overlap(Shift(**other), Shift(**one)) is together


QUARTER = timedelta(minutes=15)
FIRST = at(0, day=20)


@st.composite
def some_shift(draw) -> Shift:
    """It begins within two days and lasts a day and a half at most, in quarters of an hour."""
    start = FIRST + QUARTER * draw(st.integers(0, 2 * 96))
    end = start + QUARTER * draw(st.integers(1, 144))
    return Shift(start=start, end=end, is_recurring=draw(st.booleans()))


@given(one=some_shift(), other=some_shift())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_overlap_is_what_looking_at_each_quarter_finds(one, other):
    begun = max(one.start, other.start)
    quarters = [FIRST + QUARTER * number for number in range(5 * 96)]
    together = any(one.covers(moment) and other.covers(moment) for moment in quarters if moment >= begun)
    assert shifts.overlap(one, other) is together


@database
@pytest.mark.parametrize("status", ["PENDING", "APPROVED"])
def test_a_second_shift_at_the_same_time_is_refused_at_its_field(driver, status):
    driver.shifts.update(status=status)
    with pytest.raises(ValidationError) as caught:
        shifts.propose(driver, driver.assigned_vehicle, now(), now() + timedelta(hours=1))
    sentence = caught.value.message_dict["start"][0]
    assert sentence.startswith("There is a shift at this time already (")
    assert "choose other hours" in sentence
    assert driver.shifts.count() == 1


@database
@pytest.mark.parametrize("status", ["REJECTED", "EXPIRED"])
def test_a_shift_that_counts_no_more_is_in_nobodys_way(driver, status):
    driver.shifts.update(status=status)
    assert shifts.propose(driver, driver.assigned_vehicle, now(), now() + timedelta(hours=1)).pk


@database
def test_two_drivers_may_be_on_duty_at_once(driver, other_driver):
    around_now = driver.shifts.get()
    other_driver.shifts.all().delete()
    assert shifts.propose(other_driver, other_driver.assigned_vehicle, around_now.start, around_now.end).pk


@database
def test_a_vehicle_that_another_drives_then_is_refused_at_its_field(driver, other_driver):
    other_driver.shifts.all().delete()
    with pytest.raises(ValidationError) as caught:
        shifts.propose(other_driver, driver.assigned_vehicle, now(), now() + timedelta(hours=1))
    assert caught.value.message_dict["vehicle"][0].startswith("GJ-06-RAVI has another driver at this time (")


@database
def test_of_two_who_wish_for_one_vehicle_one_is_approved(driver, other_driver, eic):
    tomorrow = now() + timedelta(days=1)
    wishes = [
        shifts.propose(each, driver.assigned_vehicle, tomorrow, tomorrow + timedelta(hours=2))
        for each in (driver, other_driver)
    ]
    assert shifts.decide(wishes[0], eic, approved=True)
    with pytest.raises(ValidationError, match="has another driver"):
        shifts.decide(wishes[1], eic, approved=True)


@database
def test_a_shift_in_the_way_of_an_approved_one_is_not_approved(driver, eic):
    waiting = give_shift(driver, driver.assigned_vehicle, status="PENDING")  # as outside code may write it
    with pytest.raises(ValidationError, match="at this time already"):
        shifts.decide(waiting, eic, approved=True)
    assert shifts.decide(waiting, eic, approved=False)
