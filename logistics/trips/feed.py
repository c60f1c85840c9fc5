"""The events of trips: what watchers receive. The table is the truth; NOTIFY only wakes those who read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from logistics.trips.errors import TripRefused
from logistics.trips.live_models import EventType, TripEvent, TripFeed
from logistics.trips.models import Trip

CHANNEL = "trip_events"
MOST = 500  # events read at once


@dataclass(frozen=True)
class Page:
    """Events after a number. `is_reset`: older ones are gone, so what the reader shows may have holes."""

    events: list[TripEvent]
    last: int
    is_reset: bool


@transaction.atomic
def publish(trip_id: int, type: EventType, at: datetime, **facts: object) -> bool:  # noqa: A002
    """Give an event the next number and let it be seen; False where it was published before."""
    if not TripFeed.objects.filter(trip=trip_id).exists():
        _begin(trip_id)
    feed = TripFeed.objects.select_for_update().get(trip=trip_id)  # held until the event is committed
    if TripEvent.objects.filter(trip=trip_id, type=type, at=at).exists():
        return False
    number = feed.last_event + 1
    TripFeed.objects.filter(trip=trip_id).update(last_event=number)
    TripEvent.objects.create(trip_id=trip_id, number=number, type=type, at=at, facts=facts)
    _wake()
    return True


def _begin(trip_id: int) -> None:
    if not Trip.objects.filter(pk=trip_id).exists():
        raise TripRefused("unknown", f"There is no trip {trip_id}.", "trip_id")
    TripFeed.objects.get_or_create(trip_id=trip_id)


def _wake() -> None:
    """SQLite's readers look at its counter of commits instead."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")


def newest(trip_id: int) -> int:
    """The number of the last event."""
    return newest_of([trip_id]).get(trip_id, 0)


def newest_of(trip_ids: Iterable[int]) -> dict[int, int]:
    """The numbers of the last events of many trips, in one statement."""
    return dict(TripFeed.objects.filter(trip__in=trip_ids).values_list("trip", "last_event"))


def read(trip_id: int, after: int) -> Page:
    """The next events after this number, in order."""
    last = newest(trip_id)  # before the events: what commits in between must not be skipped
    events = list(TripEvent.objects.filter(trip=trip_id, number__gt=after).order_by("number")[:MOST])
    if events:
        return Page(events, events[-1].number, is_reset=events[0].number > after + 1)
    return Page([], last, is_reset=last != after)


def as_json(event: TripEvent) -> dict[str, Any]:
    """The shape that watchers know."""
    return {
        "type": event.type,
        "trip_id": event.trip_id,
        **event.facts,
        "timestamp": event.at.isoformat(),
    }
