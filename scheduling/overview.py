"""What the engine is doing now, in a constant number of statements: for pages, API, commands and health.

The queue's own rows are counted, never the history as a whole: of that only the failures of the last day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Min, Q, QuerySet
from django_q.models import Task as FinishedTask

from scheduling import clock, declaration, leases
from scheduling.declaration import QUEUES
from scheduling.models import Heartbeat, JobState, PausedQueue, QueuedJob

SILENT_AFTER = timedelta(seconds=4)  # two heartbeats; then nobody knows what a cluster does
# How many jobs nobody holds, and when the first of them was due: read from one index alone.
LONG_QUEUES = """
    SELECT key, n, (
        SELECT lock FROM django_q_ormq AS job WHERE job.key = counted.key AND holder IS NULL
        AND lock IS NOT NULL AND state <> 'unreadable' ORDER BY lock LIMIT 1
    )
    FROM (SELECT key, COUNT(*) AS n FROM django_q_ormq WHERE holder IS NULL GROUP BY key) AS counted"""
ALIVE, SILENT, DEAD = CLUSTER_STATES = ("alive", "silent", "dead")


@dataclass(frozen=True)
class Running:
    """What one worker is busy with."""

    worker: int
    job: str
    task: str
    queue: str
    attempt: int
    since: datetime


@dataclass(frozen=True)
class ClusterFacts:
    """One cluster. state: alive; silent (stalled, or its host is gone: nobody knows what it does); dead."""

    name: str
    host: str
    pid: int
    state: str
    status: str  # what it said of itself; only while it is alive
    queues: tuple[str, ...]
    workers: int
    started_at: datetime
    seen_at: datetime
    running: tuple[Running, ...]

    @property
    def is_alive(self) -> bool:
        return self.state == ALIVE

    @property
    def idle_workers(self) -> int:
        return max(0, self.workers - len(self.running))


@dataclass(frozen=True)
class QueueFacts:
    """One queue: jobs by state, since when its oldest due job waits, and who serves it."""

    name: str
    waiting: int = 0
    scheduled: int = 0
    running: int = 0
    unheard: int = 0  # of the running ones: with clusters that are silent or dead, so nobody knows
    retrying: int = 0
    unreadable: int = 0
    failed: int = 0  # in the last 24 hours
    oldest_at: datetime | None = None
    clusters: int = 0  # alive
    paused_at: datetime | None = None
    paused_by: str = ""

    @property
    def is_unserved(self) -> bool:
        return self.clusters == 0


@dataclass(frozen=True)
class Overview:
    now: datetime
    queues: tuple[QueueFacts, ...]
    clusters: tuple[ClusterFacts, ...]
    next_retry_at: datetime | None = None

    @property
    def alive(self) -> list[ClusterFacts]:
        return [each for each in self.clusters if each.is_alive]

    @property
    def unserved(self) -> list[QueueFacts]:
        return [each for each in self.queues if each.is_unserved]

    def total(self, state: str) -> int:
        return sum(getattr(queue, state) for queue in self.queues)


@dataclass
class _Held:
    """Jobs that clusters hold, by queue: as many run as there are workers, the others wait inside."""

    running: Counter[str] = field(default_factory=Counter)
    unheard: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)


def look() -> Overview:
    """Everything at one moment."""
    now = clock.read()
    beats = list(Heartbeat.objects.defer("stat").order_by("started_at", "pk"))
    clusters = tuple(_describe(beat, now) for beat in beats if beat.workers)
    served = Counter(queue for each in clusters if each.is_alive for queue in each.queues)
    counts = _unheld(now)
    held, failed = _held(beats, now), _failed(now)
    paused = {each.name: each for each in PausedQueue.objects.all()}
    return Overview(
        now,
        tuple(
            QueueFacts(
                name=name,
                waiting=counts.get(name, {}).get("waiting", 0) + held.waiting[name],
                scheduled=counts.get(name, {}).get("scheduled", 0),
                running=held.running[name],
                unheard=held.unheard[name],
                retrying=counts.get(name, {}).get("retrying", 0),
                unreadable=counts.get(name, {}).get("unreadable", 0),
                failed=failed[name],
                oldest_at=counts.get(name, {}).get("oldest"),
                clusters=served[name],
                paused_at=paused[name].paused_at if name in paused else None,
                paused_by=paused[name].paused_by if name in paused else "",
            )
            for name in QUEUES
        ),
        clusters,
        min((at for row in counts.values() if (at := row.get("next_retry"))), default=None),
    )


def clusters() -> list[ClusterFacts]:
    """The clusters that are alive."""
    return look().alive


def queues() -> list[dict[str, Any]]:
    """Per queue, most urgent first, as the API tells it."""
    seen = look()
    return [as_json(queue, seen.now) for queue in seen.queues]


def as_json(queue: QueueFacts, now: datetime) -> dict[str, Any]:
    age = round((now - queue.oldest_at).total_seconds(), 1) if queue.oldest_at else None
    return {
        **{name: getattr(queue, name) for name in ("name", "waiting", "scheduled", "running", "unheard")},
        "retrying": queue.retrying,
        "unreadable": queue.unreadable,
        "failed_last_day": queue.failed,
        "oldest_seconds": age,
        "clusters": queue.clusters,
        "paused": queue.paused_at is not None,
        "paused_at": queue.paused_at,
        "paused_by": queue.paused_by,
    }


def holder_states(holders: Iterable[int]) -> dict[int, str]:
    """Of those who hold jobs: alive, silent or dead; dead too where nobody is registered any more."""
    now, wanted = clock.read(), set(holders)
    beats = Heartbeat.objects.defer("stat").in_bulk(wanted) if wanted else {}
    return {holder: _state(beats[holder], now) if holder in beats else DEAD for holder in wanted}


def unheard(states: dict[int, str], holder: int | None) -> str:
    """silent or dead; empty where the holder is alive, or there is none."""
    state = states[holder] if holder else ALIVE
    return "" if state == ALIVE else state


def failed_last_day() -> int:
    return sum(_failed(clock.read()).values())


def _describe(beat: Heartbeat, now: datetime) -> ClusterFacts:
    state = _state(beat, now)
    running = tuple(
        Running(
            worker=each["worker"],
            job=each["job"],
            task=declaration.name_of(each["func"]),
            queue=each["queue"],
            attempt=each["attempt"],
            since=(beat.seen_at - timedelta(seconds=each["seconds"])).replace(microsecond=0),
        )
        for each in beat.running
    )
    return ClusterFacts(
        name=f"{beat.host}:{beat.pid}",
        host=beat.host,
        pid=beat.pid,
        state=state,
        status=beat.status.lower() if state == ALIVE else "",
        queues=tuple(name for name in QUEUES if name in beat.queues),
        workers=beat.workers,
        started_at=beat.started_at,
        seen_at=beat.seen_at,
        running=running,
    )


def _state(beat: Heartbeat, now: datetime) -> str:
    if leases.is_gone(beat) or beat.lease_until <= now:
        return DEAD
    is_cluster = beat.workers > 0  # a process that runs a job inline beats only between jobs
    return SILENT if is_cluster and now - beat.seen_at > SILENT_AFTER else ALIVE


def _unheld(now: datetime) -> dict[str, dict[str, Any]]:
    """Jobs that nobody holds, by queue."""
    special = (JobState.UNREADABLE, JobState.RETRYING, JobState.SCHEDULED)
    found: dict[str, dict[str, Any]] = {
        row.pop("key"): row
        for row in _by_queue(QueuedJob.objects.filter(state__in=special)).annotate(
            unreadable=Count("id", filter=Q(state=JobState.UNREADABLE)),
            retrying=Count("id", filter=Q(state=JobState.RETRYING)),
            scheduled=Count("id", filter=Q(state=JobState.SCHEDULED, lock__gt=now)),
            next_retry=Min("lock", filter=Q(state=JobState.RETRYING)),
        )
    }
    with connection.cursor() as cursor:
        cursor.execute(LONG_QUEUES)
        for name, count, first in cursor.fetchall():
            told, oldest = found.setdefault(name, {}), clock.aware(first)
            told["waiting"] = count - sum(
                told.get(each, 0) for each in ("unreadable", "retrying", "scheduled")
            )
            told["oldest"] = oldest if oldest and oldest <= now else None
    return found


def _by_queue(rows: QuerySet[QueuedJob]) -> Any:
    return rows.filter(holder=None).order_by().values("key")


def _held(beats: Iterable[Heartbeat], now: datetime) -> _Held:
    """What is claimed: quick jobs are handed out ahead of time, and those do not run yet."""
    workers = {beat.pk: beat.workers or 1 for beat in beats}
    heard = {beat.pk for beat in beats if _state(beat, now) == ALIVE}
    told = {each["job"] for beat in beats for each in beat.running}
    rows = QueuedJob.objects.exclude(holder=None).order_by("lock", "id")
    held = _Held()
    claimed = rows.values_list("holder", "job_id", "key")
    for holder, _, queue in sorted(claimed, key=lambda row: row[1] not in told):
        if holder is None:
            continue
        busy = workers.get(holder, 0) > 0
        workers[holder] = workers.get(holder, 0) - 1
        (held.running if busy else held.waiting)[queue] += 1
        held.unheard[queue] += busy and holder not in heard
    return held


def _failed(now: datetime) -> Counter[str]:
    """Jobs that failed in the last day, by the queue of their task."""
    since = now - timedelta(days=1)
    rows = (
        FinishedTask.objects.filter(success=False, stopped__gte=since)
        .order_by()
        .values_list("func")
        .annotate(n=Count("id"))
    )
    failed: Counter[str] = Counter()
    for func, count in rows:
        failed[queue_of(func)] += count
    return failed


def queue_of(func: str) -> str:
    """The queue that a task declares; the normal one where it is no longer declared."""
    return next((task.queue for task in declaration.tasks() if task.path == func), declaration.NORMAL)
