"""How far: the laws that every distance keeps, and what outliers may not do."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics.trips.distance import (
    Fix,
    Source,
    between,
    haversine_km,
    of_trip,
    track_km,
    without_outliers,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HALF_ROUND = 20_016  # km: nothing on earth is further away
places = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def drive(count: int, lat: float = 22.3, step: float = 0.001) -> list[Fix]:
    """Northward, 111 m every 10 s: 40 km/h."""
    return [Fix(lat + step * n, 73.18, NOON + timedelta(seconds=10 * n)) for n in range(count)]


def test_a_known_distance():
    assert haversine_km((22.3072, 73.1812), (21.1702, 72.8311)) == pytest.approx(131.5, abs=0.5)


@given(one=places, other=places)
@few
def test_there_and_back_are_as_far_and_nothing_is_further_than_half_round_the_earth(one, other):
    there = haversine_km(one, other)
    assert 0 <= there <= HALF_ROUND
    assert there == pytest.approx(haversine_km(other, one), abs=1e-6)
    assert haversine_km(one, one) == 0


@given(one=places, over=places, other=places)
@few
def test_a_detour_is_never_shorter(one, over, other):
    assert haversine_km(one, other) <= haversine_km(one, over) + haversine_km(over, other) + 1e-6


@given(st.lists(st.tuples(places, st.integers(0, 86_400)), max_size=12))
@few
def test_a_track_is_at_least_as_long_as_its_ends_are_apart(rows):
    found = [Fix(*place, NOON + timedelta(seconds=second)) for place, second in dict(rows).items()]
    track = sorted(found, key=lambda fix: fix.at)
    kept = list(without_outliers(track))
    assert not kept or track_km(track) >= between(kept[0], kept[-1]) - 1e-6


@given(st.integers(1, 28), places)
@few
def test_one_wild_fix_does_not_lengthen_the_way(place, wild):
    track = drive(30)
    jump = Fix(*wild, track[place].at - timedelta(seconds=5))
    with_it = sorted([*track, jump], key=lambda fix: fix.at)
    assert track_km(with_it) <= track_km(track) + 2 * 200 * 5 / 3600 + 0.2


def test_a_phone_that_was_off_is_believed_again():
    far = [Fix(fix.lat + 1, fix.lng, fix.at + timedelta(seconds=200)) for fix in drive(10)]
    assert len(list(without_outliers([*drive(10), *far]))) == 20


def test_an_endless_way_is_measured_as_it_comes():
    endless = (fix for lap in count() for fix in drive(1, lat=lap / 1000))
    assert len(list(islice(without_outliers(endless), 3))) == 3


@pytest.mark.parametrize(
    ("start", "end", "track", "expected", "source"),
    [
        ("100.0", "112.5", drive(5), Decimal("12.5"), Source.ODOMETER),
        ("100.0", None, drive(11), Decimal("1.112"), Source.TRACK),
        (None, None, [], Decimal(10), Source.ESTIMATE),
        (None, "50.0", drive(1), Decimal(10), Source.ESTIMATE),
    ],
)
def test_the_odometer_counts_first_then_the_track_then_an_estimate(start, end, track, expected, source):
    readings = [None if each is None else Decimal(each) for each in (start, end)]
    found = of_trip(*readings, track, Decimal(10))
    assert (found.km, found.source, found.is_estimated) == (expected, source, source == Source.ESTIMATE)
