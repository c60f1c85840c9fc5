"""What people should be warned of now, each under a key that stays the same while it lasts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, Max
from django_q.models import Schedule

from scheduling import health, mutes, overview, unknown_tasks
from scheduling.models import Attempt, Cancellation
from scheduling.overview import Overview

BURST = timedelta(minutes=10)
NO_CLUSTER = "cluster"
FAILURES = "failures"
LONGEST_KEY = 200  # characters


class Trouble(NamedTuple):
    key: str
    text: str


def find(going_on: Collection[str] = ()) -> list[Trouble]:
    """`going_on`: keys that people have been warned of; what only grows a little better is not over.

    Without any cluster that alone is new: all else follows from it.
    """
    seen = overview.look()
    found = [
        *_starved(seen),
        *_unknown(seen.now),
        *_late(seen.now),
        *_burst(seen.now, FAILURES in going_on),
    ]
    if not seen.alive:
        found = [trouble for trouble in found if trouble.key in going_on]
    return [*_without_cluster(seen), *found]


def _without_cluster(seen: Overview) -> Iterator[Trouble]:
    if not seen.alive:
        yield Trouble(NO_CLUSTER, "No living cluster: no job runs. Start one with `manage.py qcluster`.")
        return
    for queue in seen.unserved:
        yield Trouble(f"cluster:{queue.name}", f"No living cluster serves {queue.name}.")


def _starved(seen: Overview) -> Iterator[Trouble]:
    for check in health.starving(seen):
        yield Trouble(check.name, check.message)


def _unknown(now: datetime) -> Iterator[Trouble]:
    for func, count, since in unknown_tasks.left_for_long(now):
        yield Trouble(
            f"unknown:{func}"[:LONGEST_KEY],
            f"No cluster knows {func}: jobs wait since {since:%Y-%m-%d %H:%M} UTC ({count} now) and fail"
            f" after {unknown_tasks.PATIENCE_TEXT}. Start a cluster with the code that declares it.",
        )


def _late(now: datetime) -> Iterator[Trouble]:
    """A row that cannot run is late too; its page says why."""
    before = now - timedelta(seconds=settings.ALERT_SCHEDULE_LATE_SECONDS)
    rows = Schedule.objects.exclude(repeats=0).filter(next_run__lt=before).order_by("pk")
    for pk, name, due in rows.values_list("pk", "name", "next_run"):
        yield Trouble(
            f"late:{name or pk}", f"Schedule {name or pk} should have run at {due:%Y-%m-%d %H:%M} UTC."
        )


def _burst(now: datetime, goes_on: bool) -> Iterator[Trouble]:
    """Jobs that failed for good in the last minutes, but for muted groups; over when half of it is left."""
    cancelled = Cancellation.objects.filter(honoured_at__isnull=False).values("job_id")
    failed = Attempt.objects.filter(retry_at=None, stopped_at__gte=now - BURST).exclude(job_id__in=cancelled)
    groups = failed.order_by().values_list("func", "gist").annotate(n=Count("id"), last=Max("stopped_at"))
    muted = mutes.known()
    heard = [
        (count, gist)
        for func, gist, count, last in groups
        if not mutes.holds(muted.get((func, gist)), last, now)
    ]
    count, limit = sum(count for count, _ in heard), settings.ALERT_FAILURES
    if count >= (limit / 2 if goes_on else limit):
        often = max(heard)[1]
        yield Trouble(FAILURES, f"{count} jobs failed in the last ten minutes, most often by: {often}")
