"""What follows an attempt: success, the next attempt, the end, or the loss of the worker that ran it.

Each is one transaction that begins with the fence: where the job has been given to somebody else since,
nothing of it happens.
"""

from __future__ import annotations

import copy
import logging
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Task as FinishedTask
from django_q.monitor import save_cached
from django_q.signals import post_execute
from django_q.tasks import async_chain

from ims.lib.locks import one_at_a_time
from scheduling import claims, declaration, joblog, masking, packages
from scheduling.claims import Claimed, Fence
from scheduling.database import keeping_the_connection
from scheduling.declaration import DeclaredTask
from scheduling.exceptions import Undeclared
from scheduling.jobs import failed, honour_cancellations, record_ends
from scheduling.models import Attempt, Cancellation, JobState, QueuedJob
from scheduling.retry import Retry
from scheduling.text import printable

logger = logging.getLogger("django-q")

CACHED_LOCK = 7_203_911  # one_at_a_time: Django Q2 reads, extends and writes a group's list of results
ERROR_LENGTH = 50_000  # characters of a traceback that are kept, from its end


@dataclass
class Outcome:
    """How the call of a job's function ended, as the process that called it knows."""

    declared: DeclaredTask[Any, Any]
    fence: Fence | None  # None: Django Q2's own sync mode, which has no row
    started_at: datetime = field(default_factory=timezone.now)
    error: BaseException | None = None
    cancelled: bool = False  # the task was told so, and stopped
    postponed_until: datetime | None = None  # it was not called: its rate allows it only then
    lines: joblog.Lines | None = None  # what it logged


def conclude(package: packages.Package, outcome: Outcome) -> bool:
    """Record an attempt; True where it was the end of the job, and the job was still ours."""
    fence = outcome.fence
    if fence is None:
        return False
    if outcome.postponed_until:
        claims.postpone(fence, outcome.postponed_until)
        honour_cancellations([package["id"]])
        return False
    hide = masking.hider(package["func"], package["args"], package["kwargs"])
    if outcome.error:
        package["result"] = hide(package["result"])
    with transaction.atomic():
        is_last = bool(package.get("ack_failure"))
        retry_at = _note_error(outcome, fence, hide, is_last=is_last) if outcome.error else None
        if retry_at:
            _retry(fence, retry_at)
            joblog.keep(package["id"], fence.attempt, outcome.lines)
            return False
        if not claims.acknowledge(fence):
            transaction.set_rollback(True)
            logger.warning("Job %s was taken over; what it returned here is not recorded.", package["id"])
            return False
        joblog.keep(package["id"], fence.attempt, outcome.lines)
        if outcome.cancelled:
            Cancellation.objects.filter(job_id=package["id"]).update(honoured_at=timezone.now())
        _record(package, outcome)
    return True


def tell(package: packages.Package) -> None:
    """Django Q2's last words on a task: its signal and its line in the log."""
    post_execute.send(sender="django_q", task=package)
    if package["success"]:
        logger.info("Processed '%s' (%s)", package["func"], package["name"])
    else:
        logger.error("Failed '%s' (%s) - %s", package["func"], package["name"], package["result"])


def give_back(holder: int, jobs: Collection[Claimed]) -> None:
    """Jobs that were not started go back into the queue, but for those that were cancelled meanwhile."""
    claims.put_back(holder, [job.pk for job in jobs])
    honour_cancellations([job.job_id for job in jobs])


def lost(fence: Fence, reason: str, *, pause: bool = False) -> None:
    """An attempt that nobody will hear of, because its worker ended: the job runs again or fails.

    With `pause` it waits before that as after an error, else not.
    """
    with transaction.atomic():
        row = claims.held(fence).select_for_update().first()
        if row is None:
            return
        retries = _retries_of(row)
        now = timezone.now()
        wait = retries.pause_after(fence.attempt) if pause else 0
        is_last = fence.attempt >= retries.attempts
        cancellation = _honour_cancellation(row.job_id)
        retry_at = None if is_last or cancellation else now + timedelta(seconds=wait)
        _note_attempt(row.job_id, row.func, fence.attempt, row.started_at, reason, retry_at)
        logger.error("Attempt %d of job %s (%s) was lost: %s", fence.attempt, row.job_id, row.func, reason)
        if retry_at:
            _retry(fence, retry_at)
        else:
            by = f" by {cancellation.requested_by}" if cancellation and cancellation.requested_by else ""
            ended = (
                f"Cancelled{by} in attempt {fence.attempt}"
                if cancellation
                else f"Lost in attempt {fence.attempt}"
            )
            _end(row, f"{ended}: {reason}.")


def refuse(fence: Fence, reason: str) -> None:
    """End a job that may not run."""
    with transaction.atomic():
        row = claims.held(fence).select_for_update().first()
        if row:
            logger.error("Job %s failed: %s", row.job_id, reason)
            _end(row, reason)
            _note_attempt(row.job_id, row.func, fence.attempt, row.started_at, reason, None)


def _retries_of(row: QueuedJob) -> Retry:
    try:
        return declaration.find(row.func).retries
    except Undeclared:
        return Retry()


def _end(row: QueuedJob, reason: str) -> None:
    row.job_id = row.job_id or f"unreadable-{row.pk}"
    record_ends([failed(row, reason)])
    QueuedJob.objects.filter(pk=row.pk).delete()


def _note_error(
    outcome: Outcome, fence: Fence, hide: Callable[[object], str], *, is_last: bool
) -> datetime | None:
    """Keep the traceback of a failed attempt; returns when the next one starts, None after the last."""
    row = claims.held(fence).select_for_update().first()
    error, retries = outcome.error, outcome.declared.retries
    if row is None or error is None:
        return None
    now = timezone.now()
    retry_at = None
    is_last = is_last or retries.gives_up(error, fence.attempt)
    if not _honour_cancellation(row.job_id) and not is_last:
        retry_at = now + timedelta(seconds=retries.pause_after(fence.attempt, error))
    text = printable(hide("".join(traceback.format_exception(error))))[-ERROR_LENGTH:]
    _note_attempt(row.job_id, row.func, fence.attempt, outcome.started_at, text, retry_at)
    if retry_at:
        logger.warning(
            "Attempt %d of job %s (%s) failed, the next starts at %s: %s",
            fence.attempt, row.job_id, outcome.declared.name, retry_at, hide(repr(error)),
        )  # fmt: skip
    return retry_at


def _honour_cancellation(job_id: str) -> Cancellation | None:
    asked = Cancellation.objects.filter(job_id=job_id).first()
    if asked:
        asked.honoured_at = timezone.now()
        asked.save()
    return asked


def _note_attempt(
    job_id: str, func: str, number: int, started_at: datetime | None, error: str, retry_at: datetime | None
) -> None:
    kept = {"func": func, "started_at": started_at, "stopped_at": timezone.now(), "error": error}
    Attempt.objects.get_or_create(job_id=job_id, number=number, defaults={**kept, "retry_at": retry_at})


def _retry(fence: Fence, at: datetime) -> None:
    values = {"holder": None, "started_at": None, "has_slot": False}
    claims.held(fence).update(lock=at, state=JobState.RETRYING, **values)


def _record(package: packages.Package, outcome: Outcome) -> None:
    """The history, the next step of a chain and the hook, all or none."""
    fence = outcome.fence
    assert fence is not None
    if package.get("cached"):
        one_at_a_time(CACHED_LOCK)
        with keeping_the_connection():
            save_cached(dict(package), get_broker())
        return
    if package.get("chain") and not Cancellation.objects.filter(job_id=package["id"]).exists():
        steps = copy.deepcopy(package["chain"])  # async_chain takes its first step out
        options = {name: package[name] for name in packages.CHAIN_OPTIONS}
        async_chain(steps, **options, broker=get_broker())
    follows = (
        outcome.error or fence.attempt > 1 or outcome.cancelled or package.get("chain") or package.get("hook")
    )
    if not follows and not package["save"]:
        return
    record_ends([finished(package, outcome)])


def finished(package: packages.Package, outcome: Outcome) -> FinishedTask:
    kept = ("id", "name", "func", "args", "kwargs", "result", "stopped", "success")
    return FinishedTask(
        **{field: package[field] for field in kept},
        hook=package.get("hook"),
        group=package.get("group"),
        cluster=package.get("cluster"),
        started=outcome.started_at,
        attempt_count=outcome.fence.attempt if outcome.fence else 1,
    )
