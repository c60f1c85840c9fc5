"""What happens to trips by the clock: old fixes go, and trips without a move for too long are flagged."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q, QuerySet

from logistics.trips.live_models import GpsPoint, TripEvent
from logistics.trips.models import IN_PROGRESS, Trip
from logistics.trips.services import ENDED

KEPT_AFTER_THE_END = timedelta(days=30)
KEPT = timedelta(days=90)
EVENTS_KEPT = timedelta(hours=2)  # a watcher who was away for longer loads the page anew
BATCH = 2000  # rows a statement: some milliseconds of locks
LONGEST_WITHOUT_A_MOVE = timedelta(hours=6)


def delete_old_fixes(at: datetime, go_on: Callable[[int], bool] = lambda done: True) -> int:
    """Delete fixes of ended trips after 30 days, of any trip after 90. `go_on` gets the count so far."""
    ended = Q(recorded_at__lt=at - KEPT_AFTER_THE_END, trip__status__in=ENDED)
    return _delete(GpsPoint, "recorded_at", ended | Q(recorded_at__lt=at - KEPT), go_on)


def delete_old_events(at: datetime, go_on: Callable[[int], bool] = lambda done: True) -> int:
    return _delete(TripEvent, "created_at", Q(created_at__lt=at - EVENTS_KEPT), go_on)


def _delete(model: type[models.Model], by: str, which: Q, go_on: Callable[[int], bool]) -> int:
    count = 0
    for ids in _batches(model._default_manager.filter(which).order_by(by), by):
        started = time.monotonic()
        count += model._default_manager.filter(pk__in=ids).delete()[0]
        if not go_on(count):
            break
        time.sleep(time.monotonic() - started)  # half of the time is for those who write meanwhile
    return count


def _batches(rows: QuerySet[models.Model], by: str) -> Iterator[list[int]]:
    """Each batch goes on where the last one ended, so that rows which stay are passed once."""
    found = list(rows.values_list("pk", by)[:BATCH])
    while found:
        yield [pk for pk, _ in found]
        found = list(rows.filter(**{f"{by}__gte": found[-1][1]}).values_list("pk", by)[:BATCH])


def overdue(at: datetime) -> QuerySet[Trip]:
    """In progress, without a move for six hours, and not flagged for it."""
    since = at - LONGEST_WITHOUT_A_MOVE
    return Trip.objects.filter(status__in=IN_PROGRESS, status_changed_at__lt=since, timed_out_at=None)


def flag(trip: Trip, at: datetime) -> bool:
    """Flag a trip; False where it has moved, or was flagged, meanwhile. Its next move takes the flag away."""
    return bool(overdue(at).filter(pk=trip.pk).update(timed_out_at=at, updated_at=at))
