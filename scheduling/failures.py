"""Failed jobs grouped by task and error: what an operator has to understand, not how often it came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, QuerySet
from django_q.models import Task as FinishedTask

from scheduling import clock, declaration, mutes
from scheduling.models import Attempt, Cancellation

DAYS = 7
GROUPS = 100


@dataclass(frozen=True)
class FailureGroup:
    task: str
    error: str
    count: int
    first_at: datetime
    last_at: datetime
    job: str  # one of them
    muted: str = ""  # until when, and by whom; empty: it is heard


def groups(days: int = DAYS) -> list[FailureGroup]:
    """The groups of the last days, the one that failed last first; at most GROUPS."""
    now = clock.read()
    rows = (
        _last_attempts(now - timedelta(days=days))
        .values("func", "gist")
        .annotate(
            n=Count("job_id", distinct=True),
            first=Min("stopped_at"),
            last=Max("stopped_at"),
            job=Max("job_id"),
        )
        .order_by("-last")[:GROUPS]
    )
    known = mutes.known()
    return [
        FailureGroup(
            task=declaration.name_of(row["func"]),
            error=row["gist"],
            count=row["n"],
            first_at=row["first"],
            last_at=row["last"],
            job=row["job"],
            muted=mutes.words(known.get((row["func"], row["gist"])), row["last"], now),
        )
        for row in rows
    ]


def count(shown: list[FailureGroup], days: int = DAYS) -> int:
    """How many groups there are, of which these are shown; asked only where they fill the list."""
    if len(shown) < GROUPS:
        return len(shown)
    return _last_attempts(clock.read() - timedelta(days=days)).values("func", "gist").distinct().count()


def _last_attempts(since: datetime) -> QuerySet[Attempt]:
    """Those that ended a job for good since then, but for cancelled ones; in no order."""
    failed = FinishedTask.objects.filter(success=False, stopped__gte=since)
    cancelled = Cancellation.objects.filter(honoured_at__isnull=False)
    last = Attempt.objects.filter(retry_at=None, stopped_at__gte=since, job_id__in=failed.values("id"))
    return last.exclude(job_id__in=cancelled.values("job_id")).order_by()
