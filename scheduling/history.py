"""Finished jobs are kept for as long as their task says, failures for longer; pruned in small batches.

What is not in the rollups yet is not pruned, however old it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django_q.models import Task as FinishedTask

from scheduling import declaration, rollups, samples
from scheduling.models import Attempt, CallOptions, Cancellation, Heartbeat, JobLog, Progress, QueuedJob
from scheduling.operation_models import Incident

BATCH = 500  # rows a statement
DEFAULT_KEEP = timedelta(days=30)  # for tasks that are no longer declared


def prune(now: datetime) -> dict[str, int]:
    """Delete what is old at `now`; returns how many rows of each kind went."""
    rollups.catch_up(now)
    counted = rollups.counted_until()
    keep = {declared.path: declared.keep or DEFAULT_KEEP for declared in declaration.tasks()}
    incidents_kept = timedelta(days=settings.ALERT_HISTORY_DAYS)
    failures_before = min(counted, now - timedelta(days=settings.HISTORY_FAILURES_DAYS))
    successes = sum(
        _delete(FinishedTask.objects.filter(success=True, func=path, stopped__lt=min(counted, now - age)))
        for path, age in keep.items()
    ) + _delete(
        FinishedTask.objects.filter(success=True, stopped__lt=min(counted, now - DEFAULT_KEEP)).exclude(
            func__in=keep
        )
    )
    return {
        "successes": successes,
        "failures": _delete(FinishedTask.objects.filter(success=False, stopped__lt=failures_before)),
        "attempts": _delete(Attempt.objects.filter(stopped_at__lt=failures_before)),
        "logs": _delete(_without_job(JobLog, failures_before)),
        "options": _delete(_without_job(CallOptions, failures_before)),
        "progress": _delete(Progress.objects.filter(updated_at__lt=failures_before)),
        "cancellations": _delete(Cancellation.objects.filter(requested_at__lt=failures_before)),
        "figures": rollups.prune(now) + samples.prune(now),
        "incidents": _delete(Incident.objects.filter(ended_at__lt=now - incidents_kept)),
        "heartbeats": _delete(Heartbeat.objects.filter(seen_at__lt=now - timedelta(days=1))),
    }


def _without_job(model: type[JobLog | CallOptions], before: datetime) -> QuerySet[Any]:
    """Of jobs that somebody deleted, or whose tasks keep no results; the others go with their jobs."""
    queued, finished = QueuedJob.objects.values("job_id"), FinishedTask.objects.values("id")
    return (
        model._default_manager.filter(written_at__lt=before)
        .exclude(job_id__in=queued)
        .exclude(job_id__in=finished)
    )


def _delete(rows: QuerySet[Any]) -> int:
    """Delete in short transactions, so that nobody waits behind a long one; of a job its own rows first."""
    count = 0
    while keys := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        if rows.model is FinishedTask:
            for model in (JobLog, CallOptions):
                model._default_manager.filter(job_id__in=keys).delete()
        count += rows.model._default_manager.filter(pk__in=keys).delete()[0]
    return count
