"""Fixes come in: singly, or in batches as a phone that was offline sends them; late, doubled, unordered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from logistics.trips.errors import TripRefused
from logistics.trips.live_models import GpsPoint, TripFeed
from logistics.trips.models import Trip, TripStatus

AHEAD = timedelta(minutes=2)  # how far a device's clock may be ahead of ours
OLDEST = timedelta(days=30)  # what is older would be deleted at once
LIVE = timedelta(minutes=2)  # what is older is no news to those who watch
MOST_AT_ONCE = 1000


@dataclass(frozen=True)
class NewFix:
    """One fix as a device sent it; speed in km/h, heading in degrees from north."""

    lat: Decimal
    lng: Decimal
    recorded_at: datetime
    speed: Decimal | None = None
    heading: int | None = None


@dataclass(frozen=True)
class Ingested:
    """`news`: the fixes that watchers are told of, in the order of their times."""

    accepted: int
    duplicates: int
    news: list[NewFix]


@dataclass(frozen=True)
class Track:
    """A way as a map can show it; `recorded`: how many fixes it has in truth."""

    points: list[GpsPoint]
    recorded: int

    @property
    def is_thinned(self) -> bool:
        return self.recorded > len(self.points)


def check_takes_fixes(trip: Trip) -> None:
    """Raises TripRefused."""
    if trip.status == TripStatus.PENDING:
        raise TripRefused("not_assigned", "The trip has no crew yet: fixes are taken once it is assigned.")


def fault_of(fix: NewFix, trip: Trip, at: datetime) -> tuple[str, str] | None:
    """What is wrong with a fix, as the field and a sentence; None where nothing is."""
    if fix.recorded_at > at + AHEAD:
        return "recorded_at", "This is in the future: set the device's clock, or send the time with its zone."
    if fix.recorded_at < at - OLDEST:
        return "recorded_at", f"This is older than {OLDEST.days} days, and no longer kept."
    ended = trip.completed_at or trip.cancelled_at
    if ended and fix.recorded_at > ended:
        return "recorded_at", "The trip had ended by then: stop sending fixes."
    return None


@transaction.atomic
def ingest(trip: Trip, fixes: Sequence[NewFix], at: datetime) -> Ingested:
    """Keep what is new of these fixes; a moment that is known already is counted and left alone."""
    by_time = {fix.recorded_at: fix for fix in sorted(fixes, key=lambda each: each.recorded_at)}
    known = GpsPoint.objects.filter(trip=trip, recorded_at__in=by_time)
    for moment in known.values_list("recorded_at", flat=True):
        del by_time[moment]
    new = list(by_time.values())
    GpsPoint.objects.bulk_create([_point(trip, fix, at) for fix in new], ignore_conflicts=True)
    is_newest = bool(new) and _show(trip, new[-1])
    return Ingested(len(new), len(fixes) - len(new), news_of(new, at, is_newest=is_newest))


def news_of(fixes: Sequence[NewFix], at: datetime, *, is_newest: bool) -> list[NewFix]:
    """Of an old backlog only where the vehicle was last, and that only if nobody knows better."""
    live = [fix for fix in fixes if fix.recorded_at >= at - LIVE]
    return live or ([fixes[-1]] if is_newest else [])


def _point(trip: Trip, fix: NewFix, at: datetime) -> GpsPoint:
    return GpsPoint(
        trip=trip,
        lat=fix.lat,
        lng=fix.lng,
        speed=fix.speed,
        heading=fix.heading,
        recorded_at=fix.recorded_at,
        received_at=at,
    )


def _show(trip: Trip, fix: NewFix) -> bool:
    """Make this the newest position, unless a newer one is known."""
    place = {
        "lat": fix.lat,
        "lng": fix.lng,
        "speed": fix.speed,
        "heading": fix.heading,
        "fix_at": fix.recorded_at,
    }
    TripFeed.objects.get_or_create(trip=trip)
    older = Q(fix_at=None) | Q(fix_at__lt=fix.recorded_at)
    return bool(TripFeed.objects.filter(older, trip=trip).update(**place))


def track(trip: Trip, after: datetime | None = None, most: int = 1000) -> Track:
    """The way so far, oldest first; of a long one only every so many-th fix, and the last."""
    points = GpsPoint.objects.filter(trip=trip)
    if after is not None:
        points = points.filter(recorded_at__gt=after)
    recorded = points.count()
    if recorded > most:
        points = _every(-(-recorded // most), points)
    newest_first = points.order_by("-recorded_at")[:most]  # some may have come since they were counted
    return Track(list(newest_first)[::-1], recorded)


def _every(step: int, points: QuerySet[GpsPoint]) -> QuerySet[GpsPoint]:
    """Counted back from the last, by the database: a day on the road is a hundred thousand fixes."""
    place = Window(RowNumber(), order_by=F("recorded_at").desc())
    return points.annotate(place=place).annotate(rest=F("place") % step).filter(rest=1)
