"""The board: the day's trips, what needs a person first."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db.models import Q

from ims.accounts.models import User
from logistics.trips import queries
from logistics.trips.models import IN_PROGRESS, Trip, TripStatus
from logistics.trips.services import ENDED

MOST_SHOWN = 200


@dataclass(frozen=True)
class Row:
    trip: Trip
    is_late: bool

    @property
    def rank(self) -> tuple[int, float]:
        """Timed out, late, under way, to come, over; within each by the time of the pickup."""
        trip = self.trip
        order = (
            0 if trip.timed_out_at else 1 if self.is_late else 2 if trip.status in IN_PROGRESS else 4
            if trip.status in ENDED else 3
        )  # fmt: skip
        return order, (trip.scheduled_pickup_time or trip.created_at).timestamp()


@dataclass(frozen=True)
class Board:
    rows: list[Row]
    more: int

    @property
    def under_way(self) -> int:
        return sum(row.trip.status in IN_PROGRESS for row in self.rows)

    @property
    def timed_out(self) -> int:
        return sum(row.trip.timed_out_at is not None for row in self.rows)

    @property
    def late(self) -> int:
        return sum(row.is_late for row in self.rows)

    @property
    def unassigned(self) -> int:
        return sum(row.trip.status == TripStatus.PENDING for row in self.rows)

    @property
    def version(self) -> str:
        """Changes with what the board shows, but for what live.js keeps moving by itself."""
        facts = [(row.trip.pk, row.trip.updated_at, row.is_late, _fix(row.trip)) for row in self.rows]
        return sha256(repr((facts, self.more)).encode()).hexdigest()[:16]


def board(user: User, at: datetime) -> Board:
    """What concerns this person today."""
    found = list(queries.concerning(user, queries.today(at)))
    rows = sorted((Row(trip, is_late(trip, at)) for trip in found), key=lambda row: row.rank)
    return Board(rows[:MOST_SHOWN], max(0, len(rows) - MOST_SHOWN))


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
