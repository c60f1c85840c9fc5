"""Claim jobs: most urgent queue first, first-in first-out within one, for a holder whose lease is running.

A claim sets `holder` and counts the attempt, in one atomic statement; `lock`, the job's place in line, stays.
Every later step names the fence (row, holder, attempt) and does nothing where the job has another one since.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from scheduling import clock
from scheduling.models import JobState, QueuedJob


class Fence(NamedTuple):
    pk: int
    holder: int
    attempt: int


class Claimed(NamedTuple):
    """A job as its holder knows it."""

    pk: int
    holder: int
    attempt: int
    queue: str
    due: datetime | None
    job_id: str
    func: str
    has_slot: bool
    payload: str

    @property
    def fence(self) -> Fence:
        return Fence(self.pk, self.holder, self.attempt)


NOBODY = 0  # holds what is laid aside (unknown_tasks): no cluster, so no claim takes it and no lease ends it
UNCLAIMED = Q(holder=None) | Q(holder=NOBODY)
LOWER_SHARE = 10  # one claim in so many begins with a lower queue
OPEN = "key = %s AND holder IS NULL AND NOT EXISTS (SELECT 1 FROM scheduling_pausedqueue WHERE name = %s)"


def claim(holder: int, queues: Sequence[str], limit: int) -> list[Claimed]:
    """Claim up to `limit` due jobs in one statement; none where the holder's lease has ended."""
    names = [f"queue_{position}" for position in range(len(queues))]
    parts = ", ".join(_due_of_queue(name, names[:position]) for position, name in enumerate(names))
    union = " UNION ALL ".join(f"SELECT id FROM {name}" for name in names)  # noqa: S608 - constants
    statement = f"""
        WITH {parts}
        UPDATE django_q_ormq
        SET holder = %s, state = 'running', attempts = attempts + 1, started_at = {clock.sql()}
        WHERE id IN ({union})
        RETURNING id, holder, attempts, key, lock, job_id, func, has_slot, payload"""  # noqa: S608 - constants
    parameters: list[str | int] = [value for queue in queues for value in (queue, queue, holder, limit)]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, holder])
        jobs = [Claimed(*row)._replace(due=clock.aware(row[4])) for row in cursor.fetchall()]
    return sorted(jobs, key=lambda job: (queues.index(job.queue), str(job.due), job.pk))


def in_turn(queues: Sequence[str], number: int) -> list[str]:
    """The queues by urgency; in some claims a lower one comes first, so that none starves."""
    if len(queues) > 1 and number % LOWER_SHARE == 0:
        lower = 1 + number // LOWER_SHARE % (len(queues) - 1)
        return [queues[lower], *queues[:lower], *queues[lower + 1 :]]
    return list(queues)


def _due_of_queue(name: str, before: Sequence[str]) -> str:
    """One part of a claim: the due jobs of one queue, as many as the queues before it leave room for."""
    skip_locked = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    taken = "".join(f" - (SELECT COUNT(*) FROM {other})" for other in before)  # noqa: S608 - constants
    return f"""{name} AS MATERIALIZED (
            SELECT id FROM django_q_ormq WHERE {OPEN} AND lock <= {clock.sql()}
            AND EXISTS (SELECT 1 FROM scheduling_heartbeat WHERE id = %s AND lease_until > {clock.sql()})
            ORDER BY lock, id LIMIT %s{taken} {skip_locked}
        )"""  # noqa: S608 - constants


def claim_this(holder: int, job_id: str) -> Claimed | None:
    """Claim one certain job, if it is due and nobody has it."""
    due = QueuedJob.objects.filter(job_id=job_id, holder=None, lock__lte=clock.moment())
    started = {"state": JobState.RUNNING, "started_at": clock.moment()}
    if not due.update(holder=holder, attempts=F("attempts") + 1, **started):
        return None
    fields = ["pk", "holder", "attempts", "key", "lock", "job_id", "func", "has_slot", "payload"]
    return Claimed(*QueuedJob.objects.values_list(*fields).get(job_id=job_id))


def seconds_until_due(queues: Sequence[str]) -> float | None:
    """How long until the next job of these queues is due, 0 for now; None where none waits."""
    first = f"(SELECT lock FROM django_q_ormq WHERE {OPEN} ORDER BY lock LIMIT 1)"  # noqa: S608 - constants
    rows = " UNION ALL ".join(f"SELECT {first} AS lock" for _ in queues)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT MIN(lock), {clock.sql()} FROM ({rows}) AS firsts",  # noqa: S608 - constants
            [name for queue in queues for name in (queue, queue)],
        )
        due, now = (clock.aware(value) for value in cursor.fetchone())
    return max(0.0, (due - now).total_seconds()) if due and now else None


def held(fence: Fence) -> QuerySet[QueuedJob]:
    """The job's row while it is still ours, else nothing."""
    return QueuedJob.objects.filter(pk=fence.pk, holder=fence.holder, attempts=fence.attempt)


def acknowledge(fence: Fence) -> bool:
    return bool(held(fence).delete()[0])


def put_back(holder: int, pks: Collection[int]) -> int:
    """Give up jobs that were not started: each goes back to its place in line, and no start is counted."""
    return _return_unstarted(QueuedJob.objects.filter(pk__in=pks, holder=holder))


def put_back_all_but(holder: int, known: Collection[tuple[int, int]]) -> int:
    """Give up what this holder has and never heard of, because the answer to its claim was lost.

    `known` are rows with their attempts: of two attempts of one job, it may have heard of the first alone.
    """
    has = set(QueuedJob.objects.filter(holder=holder).values_list("pk", "attempts"))
    return put_back(holder, [pk for pk, _ in has.difference(known)])


def postpone(fence: Fence, until: datetime) -> bool:
    """Give a job back that may not start yet by its rate; its start is not counted.

    So the fence comes again with the next claim. By its place in line, asking twice (because no answer came)
    does not take the job from who has begun it meanwhile.
    """
    values = {"holder": None, "started_at": None, "state": JobState.SCHEDULED, "has_slot": True}
    return bool(held(fence).exclude(lock=until).update(lock=until, attempts=F("attempts") - 1, **values))


def set_aside(fence: Fence, pause: timedelta) -> bool:
    """Keep a job whose payload cannot be read, in nobody's way; it is looked at again after the pause."""
    values = {"holder": None, "started_at": None, "state": JobState.UNREADABLE, "unique_key": None}
    return bool(held(fence).update(lock=timezone.now() + pause, attempts=F("attempts") - 1, **values))


def free_again(pks: Collection[int]) -> int:
    """What was laid aside stands in line again, where it stood."""
    aside = QueuedJob.objects.filter(pk__in=pks, holder=NOBODY)
    return aside.update(holder=None, started_at=None, lock=F("lock"))


def _return_unstarted(jobs: QuerySet[QueuedJob]) -> int:
    """`lock` is written as it is: of that PostgreSQL tells other clusters."""
    values = {"holder": None, "started_at": None, "state": JobState.WAITING, "lock": F("lock")}
    return jobs.update(attempts=F("attempts") - 1, **values)
