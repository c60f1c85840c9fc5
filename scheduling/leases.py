"""Who may hold jobs, and for how long: one row per holder, renewed by its owner, removed when it is dead."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django_q.cluster import get_mp_context

from scheduling import clock, endings, processes, unknown_tasks
from scheduling.claims import NOBODY, Fence
from scheduling.models import Heartbeat, QueuedJob

logger = logging.getLogger("django-q")

AT_ONCE = 200  # jobs taken over in one round


def register(*, cluster_id: uuid.UUID | None = None, queues: Sequence[str] = (), workers: int = 0) -> int:
    """Become a holder for one lease; returns its id, which no other holder ever had."""
    now = clock.moment()
    return Heartbeat.objects.create(
        cluster_id=cluster_id or uuid.uuid4(),
        host=processes.host(),
        place=processes.place(),
        pid=os.getpid(),
        process_start=processes.start_of(os.getpid()),
        queues=list(queues),
        workers=workers,
        seen_at=now,
        lease_until=now + length(),
    ).pk


def renew(holder: int, **shown: Any) -> bool:
    """Begin a new lease and say what is `shown` of it; False when the lease was taken from us."""
    now = clock.moment()
    return bool(Heartbeat.objects.filter(pk=holder).update(seen_at=now, lease_until=now + length(), **shown))


def length() -> timedelta:
    return timedelta(seconds=settings.Q_LEASE_SECONDS)


class Lease:
    """The lease of one cluster. `until`, on the monotonic clock, is shared with its workers."""

    SHARE = 0.9  # of the lease in which we start jobs: we stop sooner than others begin

    def __init__(self, cluster_id: uuid.UUID, queues: Sequence[str], workers: int) -> None:
        self.until = get_mp_context().RawValue("d", 0.0)
        self.holder = 0
        self._who = {"cluster_id": cluster_id, "queues": queues, "workers": workers}

    def take(self) -> None:
        began = time.monotonic()
        self.holder = register(**self._who)  # type: ignore[arg-type]
        self._begins(began)

    def renew(self, **shown: Any) -> bool:
        began = time.monotonic()
        renewed = renew(self.holder, **shown)
        if renewed:
            self._begins(began)
        return renewed

    def leave(self) -> None:
        Heartbeat.objects.filter(pk=self.holder).delete()

    def _begins(self, at: float) -> None:
        self.until.value = at + length().total_seconds() * self.SHARE


class TakeOver:
    """One cluster's look at the others: it removes the dead ones and hands on what they held."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Any, float]] = {}  # holder: its lease, and since when we see it unchanged

    def forget(self) -> None:
        """After an outage: others could renew their leases no more than we could see it."""
        self._seen.clear()

    def look(self) -> int:
        """Take over from the dead, and what others left to us; returns how many jobs may be claimed now."""
        for holder in self._dead():
            still = Heartbeat.objects.filter(pk=holder.pk, lease_until=holder.lease_until)
            if still.delete()[0]:  # else it has renewed its lease, or another was faster
                logger.error("Cluster %s is dead: its jobs are taken over.", holder)
        return release_orphans()

    def _dead(self) -> list[Heartbeat]:
        """Those whose process is gone, and those whose lease ended and stood still for as long as we looked.

        The second look guards against a clock of the database that jumps ahead.
        """
        holders = list(Heartbeat.objects.annotate(ended=Q(lease_until__lte=clock.moment())).defer("stat"))
        now = time.monotonic()
        self._seen = {holder.pk: (holder.lease_until, self._since(holder, now)) for holder in holders}
        patience = length().total_seconds()
        return [
            holder
            for holder in holders
            if is_gone(holder) or (holder.ended and now - self._seen[holder.pk][1] >= patience)
        ]

    def _since(self, holder: Heartbeat, now: float) -> float:
        lease, since = self._seen.get(holder.pk, (None, now))
        return since if lease == holder.lease_until else now


def is_gone(holder: Heartbeat) -> bool:
    """Whether its process ran here and has ended: then nobody need wait for the end of the lease."""
    here = bool(holder.place) and holder.place == processes.place()
    return here and not processes.is_running(holder.pid, holder.process_start)


def release_orphans() -> int:
    """What is held by nobody who is registered was lost in its attempt, but for what only lies aside."""
    orphans = QueuedJob.objects.exclude(holder=None).exclude(holder__in=Heartbeat.objects.values("pk"))
    held = orphans.order_by("-holder").values_list("pk", "holder", "attempts")[:AT_ONCE]
    fences = [Fence(pk, holder or NOBODY, attempts) for pk, holder, attempts in held]
    lost = [fence for fence in fences if fence.holder != NOBODY]
    for fence in lost:
        endings.lost(fence, "its cluster or host died")
    return len(lost) + (unknown_tasks.look() if len(lost) < len(fences) else 0)
