"""One attempt of a job inside a worker: rate, soft timeout, the call, and what the call may ask.

Django Q2's own worker() runs the job: it sends `pre_execute` with the package, then calls the declared
task. `remember` keeps the package for that one call; a task called plainly finds none and just runs.
"""

from __future__ import annotations

import logging
import pickle
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django_q.exceptions import TimeoutException

from ims.lib import logs
from scheduling import joblog, masking, throttle
from scheduling.declaration import DeclaredTask, rate_per_second
from scheduling.endings import Outcome
from scheduling.exceptions import JobCancelled, SoftTimeout
from scheduling.models import Cancellation, Progress
from scheduling.text import printable

R = TypeVar("R")

PROGRESS_PAUSE = 0.5  # seconds between writes of progress
CANCEL_PAUSE = 1.0  # seconds between looks at the database for a cancellation
LATE = 1.0  # seconds; a start within a rate that comes later than this and one interval needs a new slot


@dataclass
class Running:
    """The attempt that this process is busy with."""

    job_id: str
    outcome: Outcome
    allowed: int  # seconds until the hard timeout
    arguments: tuple[tuple[Any, ...], Mapping[str, Any]]
    progress_written: float = -PROGRESS_PAUSE
    progress_stage: str | None = None
    cancel_asked: float = -CANCEL_PAUSE

    def note(self, record: logging.LogRecord) -> None:
        """Keep a line that is logged now."""
        if self.outcome.lines is None:
            self.outcome.lines = joblog.Lines(masking.hider(self.outcome.declared.path, *self.arguments))
        self.outcome.lines.add(record)


_announced: ContextVar[dict[str, Any] | None] = ContextVar(
    "announced_package", default=None
)  # its call is next
_running: ContextVar[Running | None] = ContextVar("running_job", default=None)


def remember(task: dict[str, Any], **_: object) -> None:
    """Receiver of pre_execute: the next call of a declared task is this job."""
    _announced.set(task)


def forget(**_: object) -> None:
    """Receiver of post_execute_in_worker: a job that never reached its task announces no other call."""
    _announced.set(None)


def run(declared: DeclaredTask[Any, R], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> R | None:
    """Call the function; as a job where a worker announced one, else plainly."""
    package = _announced.get()
    _announced.set(None)
    if package is None:
        return declared.function(*args, **kwargs)
    outcome = package["outcome"] = Outcome(declared, package.get("ack_id"))
    if wait := _wait_for_slot(declared, package):
        outcome.postponed_until = timezone.now() + timedelta(seconds=wait)
        return None
    running = Running(package["id"], outcome, package.get("allowed", declared.timeout), (args, kwargs))
    try:
        with _as_current(running), _sparing_the_caller(), _soft_timeout(declared, running.allowed):
            result = declared.function(*args, **kwargs)
        _check_storable(declared, result)
    except (Exception, TimeoutException) as error:
        outcome.error = error
        raise _speakable(error) from error
    return result


def cancel_running(job_id: str) -> None:
    """End this job from inside, by an exception; nothing happens where it does not run (any more)."""
    running = _running.get()
    if running and running.job_id == job_id:
        raise JobCancelled("Somebody cancelled this job, and it did not look.")


def progress(done: int, total: int, stage: str = "") -> None:
    """Tell how far the running job is; shown wherever people look. Does nothing outside a job."""
    running = _running.get()
    if running is None:
        return
    now = time.monotonic()
    if done < total and stage == running.progress_stage and now - running.progress_written < PROGRESS_PAUSE:
        return
    running.progress_written, running.progress_stage = now, stage
    Progress.objects.update_or_create(
        job_id=running.job_id,
        defaults={
            "done": done,
            "total": total,
            "stage": printable(stage)[:200],
            "updated_at": timezone.now(),
        },
    )


def cancelled() -> bool:
    """Whether somebody asked for the running job to stop; a task that asks stops soon after a True."""
    running = _running.get()
    if running is None:
        return False
    now = time.monotonic()
    outcome = running.outcome
    if not outcome.cancelled and now - running.cancel_asked >= CANCEL_PAUSE:
        running.cancel_asked = now
        outcome.cancelled = Cancellation.objects.filter(job_id=running.job_id).exists()
    return outcome.cancelled


def _wait_for_slot(declared: DeclaredTask[Any, Any], package: Mapping[str, Any]) -> float:
    """Seconds until the task's rate allows this start; 0 where it may start now."""
    per_second = rate_per_second(declared.rate)
    if per_second is None or package.get("ack_id") is None:
        return 0
    slot = package.get("slot")
    if slot and (timezone.now() - slot).total_seconds() < 1 / per_second + LATE:
        return 0
    return throttle.reserve(f"task:{declared.name}", per_second)


def _check_storable(declared: DeclaredTask[Any, Any], result: object) -> None:
    """A result that cannot be pickled would be lost on its way to the monitor, and the job with it."""
    if isinstance(result, str | int | float | bool | None):
        return
    try:
        pickle.dumps(result)
    except Exception as error:
        raise TypeError(
            f"{declared.name} returned {type(result).__name__}, which cannot be stored: {error}."
            " Return JSON values."
        ) from error


def _speakable(error: BaseException) -> BaseException:
    """The error itself, or one that says what it was where its own text cannot be had."""
    try:
        str(error)
    except Exception:
        return RuntimeError(f"{type(error).__name__}, which cannot say what happened")
    return error


def _stop_alarm() -> None:
    """Let no timeout interrupt what has to be written after a task ended."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _as_current(running: Running) -> Iterator[None]:
    job = _running.set(running)
    log = logs.context.set({"job": running.job_id})
    collector = logs.collector.set(running.note)
    try:
        yield
    finally:
        logs.collector.reset(collector)
        logs.context.reset(log)
        _running.reset(job)


@contextmanager
def _sparing_the_caller() -> Iterator[None]:
    """Inline, inside a caller's transaction: a database error of the job does not abort that."""
    if not connection.in_atomic_block:
        yield
        return
    savepoint = transaction.savepoint()
    try:
        yield
    except DatabaseError:
        transaction.savepoint_rollback(savepoint)
        raise
    except BaseException:
        transaction.savepoint_commit(savepoint)
        raise
    transaction.savepoint_commit(savepoint)


@contextmanager
def _soft_timeout(declared: DeclaredTask[Any, Any], allowed: int) -> Iterator[None]:
    """Raise SoftTimeout first; Django Q2's alarm for the hard timeout is set again for the rest."""
    soft = declared.soft_timeout
    if soft is None or soft >= allowed or not hasattr(signal, "SIGALRM"):
        yield
        return
    hard_handler = signal.getsignal(signal.SIGALRM)
    if not callable(hard_handler):
        yield
        return

    def raise_soft(_signum: int, _frame: object) -> None:
        signal.signal(signal.SIGALRM, hard_handler)
        signal.setitimer(signal.ITIMER_REAL, allowed - soft)
        raise SoftTimeout(f"{declared.name} ran for {soft} s, its soft timeout.")

    signal.signal(signal.SIGALRM, raise_soft)
    signal.setitimer(signal.ITIMER_REAL, soft)
    try:
        yield
    finally:
        _stop_alarm()
        signal.signal(signal.SIGALRM, hard_handler)
