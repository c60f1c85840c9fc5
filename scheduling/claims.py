"""Take jobs from the queue, most urgent queue first, first-in first-out within one, and keep the fence.

A claimed job's `lock` lies in the future: the end of its lease. Every later step (start, postpone, retry,
acknowledge) names the lock it was given and does nothing where another cluster has taken the job since.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from scheduling.models import JobState, QueuedJob

Fence = tuple[int, datetime]  # primary key and lock of a row that we hold

WAIT_LEASE = timedelta(seconds=60)  # for a job that waits inside a cluster for an idle worker
RUN_MARGIN = timedelta(seconds=30)  # beyond a job's own timeout


def claim(queues: Sequence[str]) -> QueuedJob | None:
    """Lease the next due job of these queues to the caller, in one atomic statement."""
    skip_locked = " FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    due_first = "SELECT id FROM django_q_ormq WHERE key = %s AND lock <= %s ORDER BY lock, id LIMIT 1"
    candidates = ", ".join([f"({due_first}{skip_locked})"] * len(queues))
    first = candidates if len(queues) == 1 else f"COALESCE({candidates})"
    now = timezone.now()
    due = connection.ops.adapt_datetimefield_value(now)
    until = connection.ops.adapt_datetimefield_value(now + WAIT_LEASE)
    parameters = [until, *(value for queue in queues for value in (queue, due))]
    statement = f"UPDATE django_q_ormq SET lock = %s WHERE id = {first} RETURNING *"  # noqa: S608 - constants
    return next(iter(list(QueuedJob.objects.raw(statement, parameters))), None)


def start(fence: Fence, timeout: float) -> tuple[Fence, int, bool] | None:
    """Count a start and extend the lease over the job's timeout (seconds).

    Returns the new fence, the number of this attempt and whether a start within the task's rate is
    reserved; None when the job is no longer ours.
    """
    pk, lock = fence
    now = timezone.now()
    until = now + timedelta(seconds=timeout) + RUN_MARGIN
    row = QueuedJob.objects.filter(pk=pk, lock=lock).first()
    if row is None:
        return None
    started = _change(fence, lock=until, state=JobState.RUNNING, started_at=now, attempts=row.attempts + 1)
    return ((pk, until), row.attempts + 1, row.has_slot) if started else None


def postpone(fence: Fence, until: datetime, attempts: int) -> bool:
    """Give a job back that may not start yet by its rate; its start is not counted."""
    return _change(
        fence, lock=until, state=JobState.SCHEDULED, started_at=None, has_slot=True, attempts=attempts - 1
    )


def retry(fence: Fence, at: datetime) -> bool:
    return _change(fence, lock=at, state=JobState.RETRYING, started_at=None, has_slot=False)


def set_aside(fence: Fence, pause: timedelta) -> bool:
    """Keep a job whose payload cannot be read, in nobody's way; it is looked at again after the pause."""
    return _change(fence, lock=timezone.now() + pause, state=JobState.UNREADABLE, unique_key=None)


def holds(fence: Fence) -> bool:
    pk, lock = fence
    return QueuedJob.objects.filter(pk=pk, lock=lock).exists()


def acknowledge(fence: Fence) -> bool:
    pk, lock = fence
    return bool(QueuedJob.objects.filter(pk=pk, lock=lock).delete()[0])


def _change(fence: Fence, **values: object) -> bool:
    pk, lock = fence
    return bool(QueuedJob.objects.filter(pk=pk, lock=lock).update(**values))
