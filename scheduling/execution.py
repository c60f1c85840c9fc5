"""One attempt of a job inside a worker: fence, rate, soft timeout, the call, and what follows an error.

Django Q2's own worker() runs the job: it sends `pre_execute` with the package, then calls the declared
task. `remember` keeps the package for that one call; a task called plainly finds none and just runs.
"""

from __future__ import annotations

import logging
import pickle
import signal
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone
from django_q.exceptions import TimeoutException

from ims.lib import logs
from scheduling import claims, throttle
from scheduling.claims import Fence
from scheduling.declaration import DeclaredTask, rate_per_second
from scheduling.exceptions import SoftTimeout
from scheduling.models import Attempt, Cancellation, Progress

logger = logging.getLogger(__name__)
R = TypeVar("R")

PROGRESS_PAUSE = 0.5  # seconds between writes of progress
CANCEL_PAUSE = 1.0  # seconds between looks at the database for a cancellation


@dataclass
class Running:
    """The attempt that this process is busy with."""

    job_id: str
    progress_written: float = -PROGRESS_PAUSE
    progress_stage: str | None = None
    cancel_asked: float = -CANCEL_PAUSE
    cancelled: bool = False
    allowed: int = 0  # seconds until the hard timeout
    fence: Fence | None = None
    attempt: int = 1
    started_at: datetime = field(default_factory=timezone.now)


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
    package["discard"] = True  # until the job has ended here; see results.py
    running = _start(declared, package)
    if running is None:
        return None
    package["started"], package["attempt"] = running.started_at, running.attempt
    with _as_current(running):
        try:
            with _soft_timeout(declared, running.allowed):
                result = declared.function(*args, **kwargs)
            _check_storable(declared, result)
        except (Exception, TimeoutException) as error:
            _failed(declared, package, running, error)
            raise
        _succeeded(package, running)
    return result


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
        defaults={"done": done, "total": total, "stage": _text(stage)[:200], "updated_at": timezone.now()},
    )


def cancelled() -> bool:
    """Whether somebody asked for the running job to stop; a task that asks stops soon after a True."""
    running = _running.get()
    if running is None:
        return False
    now = time.monotonic()
    if not running.cancelled and now - running.cancel_asked >= CANCEL_PAUSE:
        running.cancel_asked = now
        running.cancelled = Cancellation.objects.filter(job_id=running.job_id).exists()
    return running.cancelled


def _start(declared: DeclaredTask[Any, Any], package: dict[str, Any]) -> Running | None:
    fence, allowed = package.get("ack_id"), package.get("allowed", declared.timeout)
    if fence is None:  # Django Q2's own sync mode: no row, no fence
        return Running(package["id"], allowed=allowed)
    started = claims.start(fence, allowed)
    if started is None:
        logger.warning("Job %s was taken over before it started here.", package["id"])
        return None
    fence, attempt, has_slot = started
    package["ack_id"] = fence
    per_second = rate_per_second(declared.rate)
    if per_second and not has_slot:
        wait = throttle.reserve(f"task:{declared.name}", per_second)
        if wait > 0:
            claims.postpone(fence, timezone.now() + timedelta(seconds=wait), attempt)
            return None
    return Running(package["id"], allowed=allowed, fence=fence, attempt=attempt)


def _succeeded(package: dict[str, Any], running: Running) -> None:
    if running.cancelled:
        Cancellation.objects.filter(job_id=running.job_id).update(honoured_at=timezone.now())
    if running.attempt > 1 or running.cancelled or package.get("chain") or package.get("hook"):
        package["save"] = True  # what follows a job, and what people will ask about, needs its row
    del package["discard"]


def _failed(
    declared: DeclaredTask[Any, Any], package: dict[str, Any], running: Running, error: BaseException
) -> None:
    """The next attempt, or the end. Without a database neither: the job comes back when its lease ends."""
    _stop_alarm()
    try:
        has_ended = running.fence is None or not _try_again(declared, running, running.fence, error)
    except (DatabaseError, InterfaceError):
        logger.exception("Attempt %d of job %s could not be recorded.", running.attempt, running.job_id)
        return
    if has_ended:
        package["ack_failure"] = True
        del package["discard"]


def _try_again(
    declared: DeclaredTask[Any, Any], running: Running, fence: Fence, error: BaseException
) -> bool:
    """Keep the traceback of an attempt and set the time of the next; False where this one is the last."""
    if not connection.in_atomic_block:
        close_old_connections()  # the error may be that of a connection that died
    now = timezone.now()
    is_cancelled = bool(Cancellation.objects.filter(job_id=running.job_id).update(honoured_at=now))
    retry_at = None
    if not is_cancelled and not declared.retries.gives_up(error, running.attempt):
        retry_at = now + timedelta(seconds=declared.retries.pause_after(running.attempt, error))
    Attempt.objects.get_or_create(
        job_id=running.job_id,
        number=running.attempt,
        defaults={
            "func": declared.path,
            "started_at": running.started_at,
            "stopped_at": now,
            "error": _text("".join(traceback.format_exception(error)))[-50_000:],
            "retry_at": retry_at,
        },
    )
    if retry_at is None:
        return False
    claims.retry(fence, retry_at)
    logger.warning(
        "Attempt %d of job %s (%s) failed, the next starts at %s: %r",
        running.attempt, running.job_id, declared.name, retry_at, error,
    )  # fmt: skip
    return True


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


def _text(value: str) -> str:
    """Without what a text column cannot hold: NUL on PostgreSQL, lone surrogates anywhere."""
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _stop_alarm() -> None:
    """Let no timeout interrupt what has to be written after a task ended."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _as_current(running: Running) -> Iterator[None]:
    job = _running.set(running)
    log = logs.context.set({"job": running.job_id})
    try:
        yield
    finally:
        logs.context.reset(log)
        _running.reset(job)


@contextmanager
def _soft_timeout(declared: DeclaredTask[Any, Any], allowed: int) -> Iterator[None]:
    """Raise SoftTimeout first; Django Q2's alarm for the hard timeout is set again for the rest."""
    soft = declared.soft_timeout
    hard_handler = signal.getsignal(signal.SIGALRM) if hasattr(signal, "SIGALRM") else None
    if soft is None or soft >= allowed or not callable(hard_handler):
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
