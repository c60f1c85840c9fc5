"""Run jobs in this process, by Django Q2's own worker and monitor: TASKS_SYNC=1 and the tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from multiprocessing import Value
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django_q.monitor import monitor
from django_q.worker import worker

from scheduling import claims, packages
from scheduling.broker import admit
from scheduling.declaration import QUEUES
from scheduling.models import JobState, QueuedJob
from scheduling.results import Recorder

_wanted: ContextVar[bool] = ContextVar("run_jobs_inline", default=bool(settings.Q_CLUSTER.get("sync")))


def wanted() -> bool:
    """Whether a job runs where it is enqueued."""
    return _wanted.get()


@contextmanager
def run_inline() -> Iterator[None]:
    """Inside, every job runs where it is enqueued, as with TASKS_SYNC=1."""
    token = _wanted.set(True)
    try:
        yield
    finally:
        _wanted.reset(token)


def run_job(job_id: str) -> bool:
    """Run this job here and now if it is due; False where it is not, or may not run."""
    now = timezone.now()
    row = QueuedJob.objects.filter(job_id=job_id, lock__lte=now).first()
    if row is None or not QueuedJob.objects.filter(pk=row.pk, lock=row.lock).update(
        lock=now + claims.WAIT_LEASE
    ):
        return False
    row.lock = now + claims.WAIT_LEASE
    return _run(row)


def drain(queues: Sequence[str] = QUEUES, *, limit: int = 10_000, ignore_delays: bool = False) -> int:
    """Run what is due, and what that enqueues, until nothing is; returns the number of jobs run.

    `ignore_delays` also runs jobs that wait for their time or their next attempt.
    """
    count = 0
    while count < limit:
        if ignore_delays:
            past = timezone.now() - timedelta(seconds=1)
            QueuedJob.objects.exclude(state=JobState.RUNNING).filter(lock__gt=past).update(lock=past)
        row = claims.claim(queues)
        if row is None:
            return count
        count += _run(row)
    raise RuntimeError(f"{limit} jobs ran and more are due: does a task enqueue itself for ever?")


def _run(row: QueuedJob) -> bool:
    payload = admit(row)
    if payload is None:
        return False
    package = packages.loads(payload)
    package["ack_id"] = (row.pk, row.lock)
    results = _Items()
    recorder = Recorder(results)
    with _keeping_the_connection():
        worker(_Items(package, "STOP"), results, Value("f", -1))
        results.put("STOP")
        monitor(recorder, recorder)
    return True


class _Items:
    """What worker() and monitor() need of a queue: get in order, put."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)

    def get(self) -> Any:
        return self.items.pop(0)

    def put(self, item: Any) -> None:
        self.items.append(item)


@contextmanager
def _keeping_the_connection() -> Iterator[None]:
    """Let Django Q2's worker leave the connection open where the caller is in a transaction.

    It drops connections that are old or whose autocommit is not as configured, and with them the caller's
    transaction.
    """
    configured, close_at = connection.settings_dict["AUTOCOMMIT"], connection.close_at
    connection.settings_dict["AUTOCOMMIT"], connection.close_at = connection.get_autocommit(), None
    try:
        yield
    finally:
        connection.settings_dict["AUTOCOMMIT"], connection.close_at = configured, close_at
