"""When schedules run: across daylight saving, leap days and year ends."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.cadence import Cadence, check_cron, cron_after, declare, interval_after
from scheduling.exceptions import BadDeclaration

BERLIN, NEW_YORK, KOLKATA, LORD_HOWE = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # half an hour of daylight saving
)


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)


def runs(cron: str, tz: str, start: datetime, end: datetime) -> list[str]:
    """The runs in [start, end) by the clock on the wall."""
    told, moment = [], start - timedelta(seconds=1)
    while (moment := cron_after(cron, tz, moment)) < end:
        told.append(f"{moment.astimezone(ZoneInfo(tz)):%d %H:%M%z}")
    return told


SPRING = (utc(2026, 3, 28, 12), utc(2026, 3, 30, 12))  # Berlin: 02:00 to 03:00 is skipped on the 29th
AUTUMN = (utc(2026, 10, 24, 12), utc(2026, 10, 26, 12))  # 02:00 to 03:00 comes twice on the 25th


def test_a_nightly_job_in_the_skipped_hour_runs_once_when_that_hour_is_over():
    assert runs("30 2 * * *", BERLIN, *SPRING) == ["29 03:00+0200", "30 02:30+0200"]


def test_a_nightly_job_in_the_hour_that_comes_twice_runs_once():
    assert runs("30 2 * * *", BERLIN, *AUTUMN) == ["25 02:30+0200", "26 02:30+0100"]


def test_several_times_in_the_skipped_hour_run_once_together():
    assert runs("*/20 2 * * *", BERLIN, *SPRING)[0] == "29 03:00+0200"
    assert runs("*/20 2 * * *", BERLIN, *SPRING)[1] == "30 02:00+0200"


def test_several_times_in_the_hour_that_comes_twice_run_once_each():
    assert runs("*/20 2 * * *", BERLIN, *AUTUMN)[:4] == [
        "25 02:00+0200",
        "25 02:20+0200",
        "25 02:40+0200",
        "26 02:00+0100",
    ]


@pytest.mark.parametrize("cron", ["*/30 * * * *", "*/30 0-23 * * *", "*/30 */1 * * *"])
@pytest.mark.parametrize("around", [SPRING, AUTUMN])
def test_a_job_of_every_hour_goes_on_evenly_over_a_change_of_the_clock(cron, around):
    moments = [around[0]]
    while moments[-1] < around[1]:
        moments.append(cron_after(cron, BERLIN, moments[-1]))
    assert {b - a for a, b in pairwise(moments)} == {timedelta(minutes=30)}


@pytest.mark.parametrize("cron", ["30 2 * * *", "*/20 2 * * *", "0 */2 * * *"])
def test_a_look_in_the_midst_of_the_second_hour_finds_the_next_time(cron):
    second = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    assert cron_after(cron, BERLIN, second) > utc(2026, 10, 25, 2)


def test_the_clock_in_india_has_half_an_hour_and_no_daylight_saving():
    assert runs("30 2 * * *", KOLKATA, *SPRING) == ["29 02:30+0530", "30 02:30+0530"]


def test_half_an_hour_of_daylight_saving():
    spring = (utc(2026, 10, 3, 0), utc(2026, 10, 5, 0))
    assert runs("15 2 * * *", LORD_HOWE, *spring) == ["04 02:30+1100", "05 02:15+1100"]
    autumn = (utc(2026, 4, 4, 0), utc(2026, 4, 6, 0))
    assert runs("45 1 * * *", LORD_HOWE, *autumn) == ["05 01:45+1100", "06 01:45+1030"]


def test_a_leap_day_comes_every_four_years():
    first = cron_after("0 6 29 2 *", KOLKATA, utc(2026, 1, 1))
    assert (first, cron_after("0 6 29 2 *", KOLKATA, first)) == (
        utc(2028, 2, 29, 0, 30),
        utc(2032, 2, 29, 0, 30),
    )


def test_the_year_ends_where_the_zone_is():
    assert cron_after("0 0 1 1 *", KOLKATA, utc(2026, 6, 1)) == utc(2026, 12, 31, 18, 30)
    assert cron_after("59 23 31 12 *", NEW_YORK, utc(2026, 6, 1)) == utc(2027, 1, 1, 4, 59)


def test_an_interval_is_elapsed_time_whatever_the_clock_does():
    night = datetime(2026, 10, 25, 0, 30, tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
    cadence = Cadence("n", 360, None, BERLIN)
    assert cadence.next_after(night) - night == timedelta(hours=6)


# --- Properties -------------------------------------------------------------------------------------------
ZONES = st.sampled_from(
    [BERLIN, NEW_YORK, KOLKATA, LORD_HOWE, "UTC", "America/St_Johns", "Africa/Casablanca"]
)
MOMENTS = st.integers(0, 6 * 365 * 24 * 60).map(lambda n: utc(2024, 1, 1) + timedelta(minutes=n)) | (
    st.integers(0, 4 * 24 * 60).map(lambda n: utc(2026, 3, 27) + timedelta(minutes=n))  # Berlin's spring
)
DAILY = st.tuples(st.integers(0, 59), st.integers(0, 23)).map(lambda at: f"{at[0]} {at[1]} * * *")
CRONS = DAILY | st.sampled_from(
    ["*/15 * * * *", "7 * * * *", "0 */3 * * *", "30 1-3 * * *", "0 9 * * 1-5", "30 2 1 * *", "0 0 29 2 *"]
)


@given(CRONS, ZONES, MOMENTS)
@settings(max_examples=200, deadline=None)
def test_the_next_run_is_strictly_later(cron, tz, moment):
    assert cron_after(cron, tz, moment) > moment


@given(CRONS, ZONES, MOMENTS, st.timedeltas(timedelta(), timedelta(days=3)))
@settings(max_examples=200, deadline=None)
def test_a_later_look_never_finds_an_earlier_run(cron, tz, moment, later):
    first, second = cron_after(cron, tz, moment), cron_after(cron, tz, moment + later)
    assert second >= first
    assert second == first or first <= moment + later  # nothing between was left out


@given(DAILY, ZONES, st.integers(0, 6 * 365))
@settings(max_examples=200, deadline=None)
def test_a_daily_job_runs_exactly_once_on_each_day_of_its_zone(cron, tz, days):
    midnight = datetime(2024, 1, 1, tzinfo=ZoneInfo(tz)) + timedelta(days=days)
    run = cron_after(cron, tz, midnight.astimezone(UTC) - timedelta(seconds=1))
    assert run.astimezone(ZoneInfo(tz)).date() == midnight.date()
    assert cron_after(cron, tz, run).astimezone(ZoneInfo(tz)).date() == (midnight + timedelta(days=1)).date()


@given(MOMENTS, st.integers(1, 32767), st.timedeltas(timedelta(), timedelta(days=4000)))
@settings(max_examples=200, deadline=None)
def test_an_interval_keeps_its_rhythm_however_much_was_missed(run, minutes, missed):
    period = timedelta(minutes=minutes)
    following = interval_after(run, period, run + missed)
    assert run + missed < following <= run + missed + period
    assert (following - run) % period == timedelta()


# --- Changes and declarations -----------------------------------------------------------------------------
NIGHTLY = Cadence("n", None, "30 2 * * *", BERLIN)
NOW = utc(2026, 6, 10, 12)


def test_a_planned_run_of_another_zone_or_a_clock_ahead_is_not_expected():
    first = NIGHTLY.next_after(NOW)
    assert NIGHTLY.expects(first, NOW)
    assert NIGHTLY.expects(NIGHTLY.next_after(first), NOW)  # the clock was set back over a run
    assert NIGHTLY.expects(NOW - timedelta(days=9), NOW)  # missed: due
    assert not NIGHTLY.expects(utc(2026, 6, 11, 2, 30), NOW)  # 02:30 in London
    assert not NIGHTLY.expects(first + timedelta(days=5), NOW)
    assert not Cadence("n", 10, None, "UTC").expects(NOW + timedelta(minutes=21), NOW)


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("", "is not a cron expression"),
        ("at noon", "is not a cron expression"),
        ("61 * * * *", "is not a cron expression"),
        ("R R * * *", "is not a cron expression"),
        ("0 0 30 2 *", "never comes"),
    ],
)
def test_a_cron_that_names_no_times_is_refused(cron, reason):
    with pytest.raises(ValueError, match=reason):
        check_cron(cron)
    if cron:
        with pytest.raises(BadDeclaration, match=reason):
            declare("@task on t", "n", None, cron, "UTC")


@pytest.mark.parametrize("cron", ["@daily", "0 9 * MAR FRI", "0 0 L * *", "0 9 * * mon#1", "* * * * * */10"])
def test_the_spellings_of_croniter_are_understood(cron):
    check_cron(cron)
