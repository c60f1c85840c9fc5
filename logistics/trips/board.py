"""The board: the day's trips, what needs a person first."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from ims.accounts.models import User
from ims.lib.local_time import local_day
from logistics.trips import queries
from logistics.trips.models import IN_PROGRESS, Trip, TripStatus

MOST_SHOWN = 200


@dataclass(frozen=True)
class Row:
    trip: Trip
    is_late: bool


@dataclass(frozen=True)
class Counts:
    """Of all trips that concern a person, whether the board shows them or not."""

    trips: int
    under_way: int
    timed_out: int
    late: int
    unassigned: int


@dataclass(frozen=True)
class Board:
    rows: list[Row]
    counts: Counts

    @property
    def more(self) -> int:
        return self.counts.trips - len(self.rows)

    @property
    def facts(self) -> tuple[object, ...]:
        """What the board shows, but for what live.js keeps moving by itself."""
        return self.news, [_fix(row.trip) for row in self.rows]

    @property
    def news(self) -> tuple[object, ...]:
        """The same without positions, which come every few seconds."""
        return [(row.trip.pk, row.trip.updated_at, row.is_late) for row in self.rows], self.counts


def board(user: User, at: datetime) -> Board:
    """What concerns this person today, the 200 trips first that need somebody first."""
    found = queries.urgent_first(queries.concerning(user, local_day(at)), at)
    return Board([Row(trip, is_late(trip, at)) for trip in found[:MOST_SHOWN]], counts(user, at))


def counts(user: User, at: datetime) -> Counts:
    found = queries.concerning(user, local_day(at)).order_by()
    return Counts(
        **found.aggregate(
            trips=Count("pk"),
            under_way=Count("pk", filter=Q(status__in=IN_PROGRESS)),
            timed_out=Count("pk", filter=Q(timed_out_at__isnull=False)),
            late=Count("pk", filter=queries.late(at)),
            unassigned=Count("pk", filter=Q(status=TripStatus.PENDING)),
        )
    )


def is_late(trip: Trip, at: datetime) -> bool:
    """The pickup should have happened, and has not: the same as queries.late."""
    planned = trip.scheduled_pickup_time
    waits = trip.status in queries.BEFORE_PICKUP
    return waits and planned is not None and planned < at - queries.LATE_AFTER


def attention(at: datetime) -> int:
    """How many trips need a dispatcher now."""
    return Trip.objects.filter(
        Q(timed_out_at__isnull=False, status__in=IN_PROGRESS) | queries.late(at)
    ).count()


def _fix(trip: Trip) -> object:
    feed = getattr(trip, "feed", None)
    return feed and feed.fix_at
