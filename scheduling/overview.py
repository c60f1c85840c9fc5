"""What the engine is doing, in a few statements: for the home page, the API and health."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Min, Q
from django.utils import timezone
from django_q.models import Task as FinishedTask

from scheduling.broker import living
from scheduling.declaration import QUEUES
from scheduling.models import Heartbeat, JobState, QueuedJob


def clusters() -> list[Heartbeat]:
    """The clusters that are alive."""
    return list(living().order_by("started_at"))


def queues() -> list[dict[str, Any]]:
    """Per queue, most urgent first: counts by state, age of the oldest due job (seconds), living clusters."""
    now = timezone.now()
    counts = {row["key"]: row for row in _counts(now)}
    alive = clusters()
    return [
        {
            "name": name,
            "waiting": counts.get(name, {}).get("waiting", 0),
            "scheduled": counts.get(name, {}).get("scheduled", 0),
            "running": counts.get(name, {}).get("running", 0),
            "retrying": counts.get(name, {}).get("retrying", 0),
            "oldest_seconds": _age(counts.get(name, {}).get("oldest"), now),
            "clusters": sum(name in cluster.queues for cluster in alive),
        }
        for name in QUEUES
    ]


def failed_last_day() -> int:
    since = timezone.now() - timedelta(days=1)
    return int(FinishedTask.objects.filter(success=False, stopped__gte=since).count())


def _counts(now: Any) -> Any:
    later = Q(state=JobState.SCHEDULED, lock__gt=now)
    return (
        QueuedJob.objects.order_by()
        .values("key")
        .annotate(
            waiting=Count(
                "id", filter=Q(state=JobState.WAITING) | Q(state=JobState.SCHEDULED, lock__lte=now)
            ),
            scheduled=Count("id", filter=later),
            running=Count("id", filter=Q(state=JobState.RUNNING)),
            retrying=Count("id", filter=Q(state=JobState.RETRYING)),
            oldest=Min("lock", filter=Q(lock__lte=now)),
        )
    )


def _age(since: Any, now: Any) -> float | None:
    return round((now - since).total_seconds(), 1) if since else None
