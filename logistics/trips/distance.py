"""How far: pure functions of places and odometers. Nothing here asks the database."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088
TOO_FAST = 200  # km/h between two fixes: the later one is an outlier
NEAR_KM = 0.05  # a jump of fifty metres is a fix's own error, however short the time
LOST_AFTER = 5  # outliers in a row: it is the first of them that was right to jump


@dataclass(frozen=True)
class Fix:
    """Where something was, in degrees, and when."""

    lat: float
    lng: float
    at: datetime


class Source(StrEnum):
    ODOMETER = "odometer"
    TRACK = "track"
    ESTIMATE = "estimate"


@dataclass(frozen=True)
class Distance:
    km: Decimal
    source: Source

    @property
    def is_estimated(self) -> bool:
        return self.source == Source.ESTIMATE


def of_trip(
    odometer_start_km: Decimal | None,
    odometer_end_km: Decimal | None,
    track: Iterable[Fix],
    default_km: Decimal,
) -> Distance:
    """By the odometer where both readings are there, else along the track, else an estimate."""
    if odometer_start_km is not None and odometer_end_km is not None:
        return Distance(odometer_end_km - odometer_start_km, Source.ODOMETER)
    length = Decimal(str(round(track_km(track), 3)))
    return Distance(length, Source.TRACK) if length else Distance(default_km, Source.ESTIMATE)


def track_km(track: Iterable[Fix]) -> float:
    """The length of the way along these fixes, which come in the order of their times, without outliers."""
    return sum(between(*pair) for pair in pairwise(without_outliers(track)))


def without_outliers(track: Iterable[Fix]) -> Iterator[Fix]:
    """Drop fixes to which nobody could have driven from the one before.

    Where the following fixes all agree with the jump, the way before it is trusted too: the phone was off.
    Holds a few fixes at a time, however long the way is.
    """
    last: Fix | None = None
    doubted: list[Fix] = []
    for fix in track:
        if last is None or is_reachable(last, fix):
            trusted, doubted = [fix], []
        else:
            doubted = [*doubted, fix] if not doubted or is_reachable(doubted[-1], fix) else [fix]
            if len(doubted) < LOST_AFTER:
                continue
            trusted, doubted = doubted, []
        yield from trusted
        last = trusted[-1]


def is_reachable(one: Fix, other: Fix) -> bool:
    km = between(one, other)
    hours = abs((other.at - one.at).total_seconds()) / 3600
    return km <= NEAR_KM or km <= TOO_FAST * hours


def between(one: Fix, other: Fix) -> float:
    return haversine_km((one.lat, one.lng), (other.lat, other.lng))


def haversine_km(one: Sequence[float], other: Sequence[float]) -> float:
    """The shortest way over a round earth between two places, each latitude and longitude in degrees."""
    lat, lng, other_lat, other_lng = map(radians, (*one, *other))
    square = sin((other_lat - lat) / 2) ** 2 + cos(lat) * cos(other_lat) * sin((other_lng - lng) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, square)))
