"""Put jobs into the queue: one row each in Django Q2's table, in the caller's transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django_q.signals import pre_enqueue

from scheduling import clock, packages
from scheduling.declaration import DeclaredTask, find
from scheduling.jobs import Job
from scheduling.models import CallOptions, JobState, QueuedJob
from scheduling.packages import Package

ROWS_A_STATEMENT = 1000
JSON_ROWS = {"postgresql": "json_array_elements(%s)", "sqlite": "json_each(%s)"}  # each row as `value`


def enqueue(
    declared: DeclaredTask[Any, Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    due: datetime | None = None,
    group: str | None = None,
) -> Job:
    """Queue one job, due now or at `due`. For a unique task the unfinished twin is returned instead."""
    package = packages.build(declared, args, kwargs or {})
    if group:
        package["group"] = group
    return insert(package, due=due)


def enqueue_many(declared: DeclaredTask[Any, Any], calls: list[dict[str, Any]]) -> list[Job]:
    built = [packages.build(declared, (), kwargs) for kwargs in calls]  # one bad call, and none is queued
    if declared.unique:
        with transaction.atomic():
            return [insert(package) for package in built]
    for package in built:
        pre_enqueue.send(sender="django_q", task=package)
    with transaction.atomic():
        for start in range(0, len(built), ROWS_A_STATEMENT):
            _store(declared, built[start : start + ROWS_A_STATEMENT])
    jobs = [Job(package["id"]) for package in built]
    _run_here_if_sync(jobs)
    return jobs


def insert(package: Package, *, due: datetime | None = None, queue: str | None = None) -> Job:
    """Queue a complete package. `queue` overrides the declared one."""
    declared = find(package["func"])
    pre_enqueue.send(sender="django_q", task=package)
    unique = unique_key(declared, package) if declared.unique else None
    job_id = package["id"]
    while not _store_one(declared, package, due=due, queue=queue, unique=unique):
        twins = QueuedJob.objects.filter(unique_key=unique).values_list("job_id", flat=True)
        if twin := twins.first():
            return Job(twin)  # unfinished; else it has finished just now
    job = Job(job_id)
    _run_here_if_sync([job])
    return job


def _store_one(declared: DeclaredTask[Any, Any], package: Package, **where: Any) -> int:
    own = _own_options(declared, package, where["queue"])
    if not own:
        return _store(declared, [package], **where)
    with transaction.atomic():
        stored = _store(declared, [package], **where)
        if stored:
            CallOptions.objects.create(job_id=package["id"], **own)
        return stored


def _own_options(declared: DeclaredTask[Any, Any], package: Package, queue: str | None) -> dict[str, Any]:
    """What this call asks for that its task does not declare."""
    asked = {"queue": queue or declared.queue, "timeout": package["timeout"], "keeps": bool(package["save"])}
    usual = {"queue": declared.queue, "timeout": declared.timeout, "keeps": declared.keep is not None}
    return {name: value for name, value in asked.items() if value != usual[name]}


def _store(
    declared: DeclaredTask[Any, Any],
    built: list[Package],
    *,
    due: datetime | None = None,
    queue: str | None = None,
    unique: str | None = None,
) -> int:
    """One statement for jobs of one task: only what differs travels, as one JSON value. Returns the rows."""
    is_later = due is not None and due > timezone.now()
    now = clock.sql()
    statement = f"""
        INSERT INTO django_q_ormq
            (key, func, state, lock, enqueued_at, job_id, payload, attempts, has_slot, unique_key)
        SELECT %s, %s, %s, {"%s" if is_later else now}, {now}, value->>0, value->>1, 0, false, %s
        FROM {JSON_ROWS[connection.vendor]} {"WHERE true ON CONFLICT DO NOTHING" if unique else ""}"""  # noqa: S608 - constants
    state = JobState.SCHEDULED if is_later else JobState.WAITING
    lock = [connection.ops.adapt_datetimefield_value(due)] if is_later else []
    rows = json.dumps([(package["id"], packages.dumps(package)) for package in built])
    with connection.cursor() as cursor:
        cursor.execute(statement, [queue or declared.queue, declared.path, state.value, *lock, unique, rows])
        return int(cursor.rowcount)


def unique_key(declared: DeclaredTask[Any, Any], package: Package) -> str:
    """Equal for two calls with the same arguments, however they are spelt."""
    bound = declared.signature.bind(*package["args"], **package["kwargs"])
    bound.apply_defaults()
    arguments = json.dumps([bound.args, bound.kwargs], sort_keys=True, default=str)
    return hashlib.sha256(f"{declared.path}{arguments}".encode()).hexdigest()


def _run_here_if_sync(jobs: list[Job]) -> None:
    from scheduling import inline  # which enqueues in its turn

    if inline.wanted():
        for job in jobs:
            inline.run_job(job.id)
