"""A job seen from outside: its state, progress and result, and cancelling it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_q.models import Task as FinishedTask

from scheduling.models import Attempt, Cancellation, JobState, Progress, QueuedJob
from scheduling.packages import Unreadable, loads

UNKNOWN = "unknown"  # never existed, or its history is pruned


@dataclass(frozen=True)
class Job:
    """A handle on one queued run of a task, valid in any process that sees the database."""

    id: str

    @property
    def state(self) -> str:
        """One of scheduled, waiting, running, retrying, succeeded, failed, cancelled; or unknown."""
        queued = QueuedJob.objects.filter(job_id=self.id).values_list("state", "lock").first()
        if queued:
            state, lock = queued
            due = lock is None or lock <= timezone.now()
            return JobState.WAITING if state == JobState.SCHEDULED and due else str(state)
        if Cancellation.objects.filter(job_id=self.id, honoured_at__isnull=False).exists():
            return JobState.CANCELLED
        success = FinishedTask.objects.filter(id=self.id).values_list("success", flat=True).first()
        if success is None:
            return UNKNOWN
        return JobState.SUCCEEDED if success else JobState.FAILED

    @property
    def progress(self) -> Progress | None:
        return Progress.objects.filter(job_id=self.id).first()

    @property
    def error(self) -> str | None:
        """What the last attempt said when it failed; None where none failed."""
        finished = FinishedTask.objects.filter(id=self.id).first()
        if finished:
            return None if finished.success else str(finished.result)
        return (
            Attempt.objects.filter(job_id=self.id).order_by("-number").values_list("error", flat=True).first()
        )

    def result(self, timeout: float = 0) -> Any:
        """What the task returned, waiting up to `timeout` seconds for it.

        Raises TimeoutError while it has not ended, RuntimeError with its error where it failed or was
        cancelled, LookupError for a job that is unknown or keeps no result.
        """
        end = time.monotonic() + timeout
        while (state := self.state) in {
            JobState.SCHEDULED,
            JobState.WAITING,
            JobState.RUNNING,
            JobState.RETRYING,
            JobState.UNREADABLE,
        }:
            if time.monotonic() >= end:
                raise TimeoutError(f"Job {self.id} is {state}.")
            time.sleep(0.05)
        if state == JobState.SUCCEEDED:
            return FinishedTask.objects.get(id=self.id).result
        if state == UNKNOWN:
            raise LookupError(
                f"Job {self.id} is unknown: never queued, pruned, or its task keeps no results."
            )
        raise RuntimeError(f"Job {self.id} {state}: {self.error}")

    get = result

    def cancel(self, by: object = None) -> bool:
        """Cancel a job that waits, or ask a running one to stop; False when it has ended already."""
        name = str(by)[:150] if by is not None else ""
        if _cancel_before_start(self.id, name):
            return True
        if not QueuedJob.objects.filter(job_id=self.id).exists():
            return False
        Cancellation.objects.get_or_create(job_id=self.id, defaults={"requested_by": name})
        return True


def job(job_id: str) -> Job:
    """The handle of a job by its id."""
    return Job(job_id)


def queue_length(name: str) -> int:
    """How many jobs of this queue have not finished, running and delayed ones included."""
    return QueuedJob.objects.filter(key=name).count()


@transaction.atomic
def _cancel_before_start(job_id: str, by: str) -> bool:
    row = QueuedJob.objects.select_for_update().filter(job_id=job_id).exclude(state=JobState.RUNNING).first()
    if row is None:
        return False
    now = timezone.now()
    row.delete()
    Cancellation.objects.update_or_create(
        job_id=job_id, defaults={"requested_by": by, "requested_at": now, "honoured_at": now}
    )
    record_failure(
        row, f"Cancelled{f' by {by}' if by else ''} before it {'ran again' if row.attempts else 'started'}."
    )
    return True


def record_failure(row: QueuedJob, reason: str) -> None:
    """Put a job that no worker will finish into Django Q2's history, as failed with its reason."""
    now = timezone.now()
    try:
        package = loads(row.payload)
    except Unreadable:
        package = {"id": row.job_id, "name": row.job_id, "args": (), "kwargs": {}}
    FinishedTask.objects.filter(id=row.job_id, success=False).update(
        stopped=now, result=reason, attempt_count=F("attempt_count") + 1
    ) or FinishedTask.objects.create(
        id=row.job_id,
        name=package["name"],
        func=row.func,
        hook=package.get("hook"),
        args=package["args"],
        kwargs=package["kwargs"],
        group=package.get("group"),
        cluster=package.get("cluster"),
        started=row.started_at or now,
        stopped=now,
        result=reason,
        success=False,
        attempt_count=row.attempts,
    )
