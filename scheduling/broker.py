"""Django Q2's broker_class: one plain cluster serves all queues; nothing undeclared gets in.

Our supervisor claims and records by itself (claims.py, results.py). What is here is what async_task, the
admin, qinfo and qmonitor ask of a broker, and dequeue() for code written to Django Q2's documentation.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any
from uuid import UUID

from django_q.brokers.orm import ORM
from django_q.conf import Conf

from scheduling import admission, claims, clock, inline, packages
from scheduling.claims import Fence
from scheduling.declaration import QUEUES
from scheduling.models import Heartbeat, QueuedJob

SERVED_QUEUES = "Q_QUEUES"  # environment variable set by `qcluster --queues`, inherited by its processes


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
        queue = package.pop("cluster", None) or self._named_queue
        if queue == Conf.PREFIX:  # a cluster that serves all queues: the admin's resubmit names it
            queue = None
        if queue and queue not in QUEUES:
            raise ValueError(f"cluster={queue!r}: the queues are {', '.join(QUEUES)}.")
        job = insert(package, queue=queue)
        return QueuedJob.objects.filter(job_id=job.id).values_list("pk", flat=True).first() or 0

    @property
    def _named_queue(self) -> str | None:
        """The queue of `get_broker("high_priority")`; None for a process's own broker, whatever it serves."""
        return None if self.list_key == Conf.CLUSTER_NAME else self.list_key

    def dequeue(self) -> list[tuple[Fence, str]] | None:
        """The next due jobs, `bulk` of them at most, as [(fence, payload)]; None where none may run."""
        jobs = claims.claim(inline.holder(), self.queues, Conf.BULK)
        admitted = [(job.fence, package) for job in jobs if (package := admission.admit(job))]
        return [(fence, packages.dumps(package)) for fence, package in admitted] or None

    def acknowledge(self, task_id: Any) -> None:
        self.delete(task_id)

    def delete(self, task_id: Any) -> None:
        if isinstance(task_id, tuple):
            claims.acknowledge(Fence(*task_id))
        else:
            super().delete(task_id)

    def queue_size(self) -> int:
        return int(self._jobs().filter(holder=None, lock__lte=clock.moment()).count())

    def lock_size(self) -> int:
        return int(self._jobs().count()) - self.queue_size()

    def purge_queue(self) -> Any:
        return self._jobs().delete()

    def _jobs(self) -> Any:
        return QueuedJob.objects.filter(key__in=self.queues)

    # Heartbeats: the supervisor writes them; qinfo, qmonitor and our own pages read the same rows anywhere.

    def set_stat(self, key: str, value: str, timeout: int) -> None:
        Heartbeat.objects.filter(cluster_id=_cluster_id(key)).update(stat=value)

    def get_stat(self, key: str) -> str | None:
        beats = living().filter(cluster_id=_cluster_id(key)).order_by("-pk")
        return beats.values_list("stat", flat=True).first() or None

    def get_stats(self, pattern: str) -> list[str]:
        return list(living().exclude(stat="").order_by("started_at").values_list("stat", flat=True))


ALIVE = timedelta(seconds=6)  # three heartbeats; one that has been silent for longer is not shown as alive


def living() -> Any:
    """The clusters that said a moment ago that they are alive."""
    return Heartbeat.objects.filter(workers__gt=0, seen_at__gte=clock.moment() - ALIVE)


def _cluster_id(key: str) -> UUID:
    return UUID(key.rsplit(":", 1)[-1])
