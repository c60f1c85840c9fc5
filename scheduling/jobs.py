"""A job seen from outside: its state, progress and result, and cancelling it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_q.models import Task as FinishedTask

from scheduling import declaration
from scheduling.exceptions import Undeclared
from scheduling.models import Attempt, Cancellation, JobState, Progress, QueuedJob
from scheduling.packages import NAME_LENGTH, Unreadable, loads
from scheduling.text import printable

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
    def is_lost(self) -> bool:
        """Whether nothing will come of it any more: failed, cancelled, or unknown."""
        return self.state in {JobState.FAILED, JobState.CANCELLED, UNKNOWN}

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
        return _cancel(self.id, str(by)[:150] if by is not None else "")


def job(job_id: str) -> Job:
    """The handle of a job by its id."""
    return Job(job_id)


def queue_length(name: str) -> int:
    """How many jobs of this queue have not finished, running and delayed ones included."""
    return QueuedJob.objects.filter(key=name).count()


def honour_cancellations(job_ids: Iterable[str]) -> None:
    """Jobs that were cancelled while a cluster had them, and that it gave back before they started."""
    for asked in Cancellation.objects.filter(job_id__in=job_ids, honoured_at=None):
        _cancel(asked.job_id, asked.requested_by)


@transaction.atomic
def _cancel(job_id: str, by: str) -> bool:
    """Locked first: an attempt that just fails sees the wish, or we see that the job waits for the next."""
    row = QueuedJob.objects.select_for_update().filter(job_id=job_id).first()
    if row is None:
        return False
    asked, _ = Cancellation.objects.get_or_create(job_id=job_id, defaults={"requested_by": by})
    if row.state != JobState.RUNNING:
        asked.honoured_at = timezone.now()
        asked.save()
        row.delete()
        record_ends([cancelled_before_start(row, by)])
    return True


def cancelled_before_start(row: QueuedJob, by: str) -> FinishedTask:
    when = "ran again" if row.attempts else "started"
    return failed(row, f"Cancelled{f' by {by}' if by else ''} before it {when}.")


def failed(row: QueuedJob, reason: str) -> FinishedTask:
    """A job that no worker will finish, as Django Q2's history shall tell of it."""
    now = timezone.now()
    try:
        package = loads(row.payload)
    except Unreadable:
        package = {"id": row.job_id, "name": row.job_id, "args": (), "kwargs": {}}
    return FinishedTask(
        id=row.job_id,
        name=printable(package.get("name") or row.job_id)[:NAME_LENGTH],
        func=row.func,
        hook=package.get("hook"),
        args=package["args"],
        kwargs=package["kwargs"],
        group=printable(package.get("group") or "")[:NAME_LENGTH] or None,
        cluster=package.get("cluster"),
        started=row.started_at or now,
        stopped=now,
        result=reason,
        success=False,
        attempt_count=row.attempts,
    )


def record_ends(finished: list[FinishedTask]) -> None:
    """Write the ends of jobs into the history, and queue the calls of their hooks where they have some."""
    from scheduling.tasks import call_hook

    FinishedTask.objects.bulk_create(  # without post_save, which would call the hook here
        finished,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["result", "success", "stopped"],
    )
    for each in finished:
        with contextlib.suppress(Undeclared):
            declaration.check_hook(each.hook)
            if each.hook:
                call_hook.enqueue(each.id, each.hook)
