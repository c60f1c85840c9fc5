"""Run jobs in this process, by Django Q2's own worker: TASKS_SYNC=1 and the tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from multiprocessing import Value
from typing import Any

from django.conf import settings
from django.utils import timezone
from django_q.worker import worker

from scheduling import admission, claims, database, endings, leases, packages, results
from scheduling.claims import Claimed
from scheduling.declaration import QUEUES
from scheduling.models import JobState, QueuedJob
from scheduling.workers import outcome_of

_wanted: ContextVar[bool] = ContextVar("run_jobs_inline", default=bool(settings.Q_CLUSTER.get("sync")))
_holder = 0  # of this process; its row may be gone, e.g. with the transaction that it was made in


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
    job = claims.claim_this(holder(), job_id)
    return job is not None and _run(job)


def drain(queues: Sequence[str] = QUEUES, *, limit: int = 10_000, ignore_delays: bool = False) -> int:
    """Run what is due, and what that enqueues, until nothing is; returns the number of jobs run.

    `ignore_delays` also runs jobs that wait for their time or their next attempt.
    """
    count = 0
    while count < limit:
        if ignore_delays:
            past = timezone.now() - timedelta(seconds=1)
            QueuedJob.objects.exclude(state=JobState.RUNNING).filter(lock__gt=past).update(lock=past)
        jobs = claims.claim(holder(), queues, 1)
        if not jobs:
            return count
        count += _run(jobs[0])
    raise RuntimeError(f"{limit} jobs ran and more are due: does a task enqueue itself for ever?")


def holder() -> int:
    """This process as a holder of jobs, with a fresh lease."""
    global _holder  # noqa: PLW0603 - one per process
    if not _holder or not leases.renew(_holder):
        _holder = leases.register()
    return _holder


def _run(job: Claimed) -> bool:
    package = admission.admit(job)
    if package is None:
        return False
    ended = _Items()
    with database.keeping_the_connection():
        worker(_Items(package, "STOP"), ended, Value("f", -1))
        _record(job.holder, ended.get())
    return True


def _record(holder: int, package: packages.Package) -> None:
    """As a worker and its supervisor do it."""
    outcome = outcome_of(package)
    if result := results.of(package, outcome):
        results.record(holder, [result])
    elif endings.conclude(package, outcome):
        endings.tell(package)


class _Items:
    """What worker() needs of a queue: get in order, put."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)

    def get(self) -> Any:
        return self.items.pop(0)

    def put(self, item: Any) -> None:
        self.items.append(item)
