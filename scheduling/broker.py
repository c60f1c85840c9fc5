"""Django Q2's broker_class: one plain cluster serves all queues; nothing undeclared gets in or out."""

from __future__ import annotations

import logging
import os
import socket
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connections, transaction
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import Task as FinishedTask

from scheduling import claims, packages
from scheduling.claims import Fence
from scheduling.declaration import QUEUES
from scheduling.exceptions import Undeclared
from scheduling.jobs import record_failure
from scheduling.models import Attempt, Cancellation, Heartbeat, QueuedJob

logger = logging.getLogger(__name__)

SERVED_QUEUES = "Q_QUEUES"  # environment variable set by `qcluster --queues`, inherited by its processes
UNREADABLE_PAUSE = timedelta(minutes=10)
OUTAGE_PAUSE = 1.0  # seconds between looks at the queue while the database does not answer
ALIVE = timedelta(seconds=15)  # a heartbeat older than this is not shown as alive


class DatabaseBroker(ORM):  # type: ignore[misc]
    """The ORM broker with queues by urgency, fenced acknowledgement and heartbeats in the database."""

    @property
    def queues(self) -> tuple[str, ...]:
        """What a cluster of this broker serves: one queue by its name, else the chosen ones or all."""
        if self.list_key != Conf.PREFIX:
            return (self.list_key,)
        chosen = [name for name in os.environ.get(SERVED_QUEUES, "").split(",") if name]
        return tuple(name for name in QUEUES if not chosen or name in chosen)

    def enqueue(self, task: str) -> int:
        """Queue a payload made by Django Q2's async_task on a declared task."""
        from scheduling.enqueue import insert

        package = packages.complete(packages.loads(task))
        queue = package.pop("cluster", None)
        if queue == Conf.PREFIX:  # a cluster that serves all queues: the admin's resubmit names it
            queue = None
        if queue and queue not in QUEUES:
            raise ValueError(f"cluster={queue!r}: the queues are {', '.join(QUEUES)}.")
        job = insert(package, queue=queue)
        return QueuedJob.objects.filter(job_id=job.id).values_list("pk", flat=True).first() or 0

    def dequeue(self) -> list[tuple[Fence, str]] | None:
        """The next due job as [(fence, payload)], or None after a short wait."""
        try:
            self.get_connection()  # drops a connection that died
            row = claims.claim(self.queues)
            payload = admit(row) if row else None
        except (DatabaseError, InterfaceError) as error:
            logger.error("The queue did not answer: %s", error)
            connections.close_all()
            time.sleep(OUTAGE_PAUSE)
            return None
        if row is None:
            time.sleep(Conf.POLL)
        return [((row.pk, row.lock), payload)] if row and payload and row.lock else None

    def acknowledge(self, task_id: Any) -> None:
        self.delete(task_id)

    def delete(self, task_id: Any) -> None:
        if isinstance(task_id, tuple):
            claims.acknowledge(task_id)
        else:
            super().delete(task_id)

    def queue_size(self) -> int:
        return QueuedJob.objects.filter(key__in=self.queues, lock__lte=timezone.now()).count()

    def lock_size(self) -> int:
        return QueuedJob.objects.filter(key__in=self.queues, lock__gt=timezone.now()).count()

    def purge_queue(self) -> Any:
        return QueuedJob.objects.filter(key__in=self.queues).delete()

    # Heartbeats: qinfo, qmonitor and our own pages read the same rows from any process.

    def set_stat(self, key: str, value: str, timeout: int) -> None:
        beat = {"stat": value, "seen_at": timezone.now()}
        if not Heartbeat.objects.filter(pk=_cluster_id(key)).update(**beat):  # pruned in a long sleep
            own = {"host": socket.gethostname(), "pid": os.getppid(), "queues": list(self.queues)}
            Heartbeat.objects.create(pk=_cluster_id(key), workers=Conf.WORKERS, **own, **beat)

    def get_stat(self, key: str) -> str | None:
        return _alive().filter(pk=_cluster_id(key)).values_list("stat", flat=True).first() or None

    def get_stats(self, pattern: str) -> list[str]:
        return list(_alive().exclude(stat="").order_by("started_at").values_list("stat", flat=True))


def admit(row: QueuedJob) -> str | None:
    """The payload of a claimed job that may run; others fail or are set aside, each with its reason."""
    fence = (row.pk, row.lock or timezone.now())
    try:
        package = packages.loads(row.payload)
    except packages.Unreadable as error:
        logger.error("Job %s is kept but cannot run: %s", row.job_id or row.pk, error)
        claims.set_aside(fence, UNREADABLE_PAUSE)
        return None
    try:
        declared = packages.check(package)
        packages.complete(package)
    except (Undeclared, ValueError) as error:
        _refuse(row, fence, package, str(error))
        return None
    if row.attempts and _has_ended(row, fence, package, declared.retries.attempts):
        return None
    return packages.dumps(package)


def _has_ended(row: QueuedJob, fence: Fence, package: packages.Package, attempts: int) -> bool:
    """Whether a job that ran before must not run again: it is recorded, cancelled or out of attempts."""
    is_lost = row.started_at is not None  # no result came within the lease
    if is_lost and _is_recorded(row):
        return claims.acknowledge(fence)  # only that was missing
    if is_lost:
        _note_lost_attempt(row)
    if Cancellation.objects.filter(job_id=row.job_id).update(honoured_at=timezone.now()):
        _refuse(row, fence, package, f"Cancelled after attempt {row.attempts}.")
        return True
    if is_lost and row.attempts >= attempts:
        _refuse(row, fence, package, f"The worker died in attempt {row.attempts}, the last one.")
        return True
    return False


def _is_recorded(row: QueuedJob) -> bool:
    """Whether the history has how this job ended: only its acknowledgement was lost."""
    return bool(FinishedTask.objects.filter(id=row.job_id).exists())


def _note_lost_attempt(row: QueuedJob) -> None:
    Attempt.objects.get_or_create(
        job_id=row.job_id,
        number=row.attempts,
        defaults={
            "func": row.func,
            "started_at": row.started_at,
            "error": "The worker or its host died: no result came within the lease.",
            "retry_at": timezone.now(),
        },
    )


@transaction.atomic
def _refuse(row: QueuedJob, fence: Fence, package: packages.Package, reason: str) -> None:
    if claims.acknowledge(fence):
        logger.error("Job %s failed: %s", row.job_id, reason)
        row.job_id = row.job_id or package["id"]
        row.func = row.func or str(package["func"])
        record_failure(row, reason)


def _alive() -> Any:
    return Heartbeat.objects.filter(seen_at__gte=timezone.now() - ALIVE)


def _cluster_id(key: str) -> UUID:
    return UUID(key.rsplit(":", 1)[-1])
