"""What a monitor is told: what is now, and counters of all time from the rollups. No history is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from django_q.models import Schedule

from scheduling import declaration, overview, rollups, samples
from scheduling.exposition import Labels, family, histogram
from scheduling.models import Heartbeat
from scheduling.operation_models import Grain, HttpCount, Incident, Measure, Rollup
from scheduling.overview import Overview, queue_of

STATES = ("waiting", "scheduled", "running", "unheard", "retrying", "unreadable")


def text() -> str:
    """All metrics, in a constant number of statements."""
    seen = overview.look()
    return "".join((*_queues(seen), *_clusters(seen), *_schedules(seen), *_jobs(), *_rest(seen), *_http()))


def _queues(seen: Overview) -> Iterator[str]:
    yield family(
        "ims_queue_jobs", "gauge", "Unfinished jobs; unheard: running with clusters that are not heard of.",
        (
            ({"queue": queue.name, "state": state}, getattr(queue, state))
            for queue in seen.queues
            for state in STATES
        ),
    )  # fmt: skip
    yield family(
        "ims_queue_oldest_seconds", "gauge", "How long the oldest due job waits.",
        (({"queue": queue.name}, _age(queue.oldest_at, seen)) for queue in seen.queues),
    )  # fmt: skip
    yield family(
        "ims_queue_paused", "gauge", "1: no job of it is started.",
        (({"queue": queue.name}, int(queue.paused_at is not None)) for queue in seen.queues),
    )  # fmt: skip
    yield family(
        "ims_queue_clusters", "gauge", "Living clusters that serve it.",
        (({"queue": queue.name}, queue.clusters) for queue in seen.queues),
    )  # fmt: skip


def _clusters(seen: Overview) -> Iterator[str]:
    yield family(
        "ims_clusters", "gauge", "Clusters by state.",
        (
            ({"state": state}, sum(each.state == state for each in seen.clusters))
            for state in overview.CLUSTER_STATES
        ),
    )  # fmt: skip
    busy = sum(len(each.running) for each in seen.alive)
    yield family(
        "ims_workers", "gauge", "Workers of living clusters.",
        [({"state": "busy"}, busy), ({"state": "idle"}, sum(each.idle_workers for each in seen.alive))],
    )  # fmt: skip
    leases = Heartbeat.objects.filter(workers__gt=0).values_list("host", "pid", "lease_until")
    yield family(
        "ims_lease_seconds", "gauge", "Until the lease of a cluster ends; below 0 it is over.",
        (({"cluster": f"{host}:{pid}"}, (until - seen.now).total_seconds()) for host, pid, until in leases),
    )  # fmt: skip


def _schedules(seen: Overview) -> Iterator[str]:
    rows = Schedule.objects.exclude(repeats=0).filter(next_run__isnull=False).order_by("name", "pk")
    yield family(
        "ims_schedule_late_seconds", "gauge", "How long a run is overdue; 0 while it is to come.",
        (
            ({"schedule": name or pk, "id": pk}, max(0.0, (seen.now - due).total_seconds()))
            for pk, name, due in rows.values_list("pk", "name", "next_run")
        ),
    )  # fmt: skip


def _jobs() -> Iterator[str]:
    """Counters of all time; up to a minute and some seconds behind."""
    outcomes: dict[tuple[str, str], int] = defaultdict(int)
    buckets: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    rows = Rollup.objects.filter(grain=Grain.EVER).order_by("func", "outcome", "bucket")
    for row in rows.values_list("func", "outcome", "measure", "bucket", "count", "seconds"):
        func, outcome, measure, bucket, count, length = row
        if measure == Measure.RUN:
            outcomes[func, outcome] += count
        if outcome != rollups.RETRIED:
            buckets[measure, func][bucket] += count
            seconds[measure, func] += length
    yield family(
        "ims_jobs_total", "counter", "Jobs that ended, by outcome; retried: attempts followed by another.",
        (({**_labels(func), "outcome": outcome}, count) for (func, outcome), count in outcomes.items()),
    )  # fmt: skip
    for measure, words in (
        (Measure.RUN, "From the start of a job's last attempt to its end."),
        (Measure.WAIT, "From when a job was due to the start of its last attempt."),
    ):
        told = (
            (_labels(func), buckets[kind, func], seconds[kind, func])
            for kind, func in buckets
            if kind == measure
        )
        yield histogram(f"ims_job_{measure}_seconds", words, told)


def _labels(func: str) -> Labels:
    return {"task": declaration.name_of(func), "queue": queue_of(func)}


def _rest(seen: Overview) -> Iterator[str]:
    behind = (seen.now - max(rollups.counted_until(), rollups.BEGINNING)).total_seconds()
    yield family(
        "ims_rollup_behind_seconds", "gauge", "What ended within it is not counted yet.", [({}, behind)]
    )
    open_ones = Incident.objects.filter(ended_at=None).count()
    yield family("ims_incidents", "gauge", "Incidents that are not over.", [({}, open_ones)])
    tables = samples.sizes()
    yield family(
        "ims_table_bytes", "gauge", "The largest tables with their indexes, measured once an hour.",
        (({"table": each.name}, each.size) for each in tables),
    )  # fmt: skip


def _http() -> Iterator[str]:
    rows = list(HttpCount.objects.order_by("view", "method", "status").values())
    yield family(
        "ims_http_requests_total", "counter", "Answered requests, of all web processes.",
        ((_request(row), row["count"]) for row in rows),
    )  # fmt: skip
    yield family(
        "ims_http_request_seconds_total", "counter", "The time until their answers began.",
        ((_request(row), row["seconds"]) for row in rows),
    )  # fmt: skip


def _request(row: Mapping[str, Any]) -> Labels:
    return {name: row[name] for name in ("view", "method", "status")}


def _age(since: Any, seen: Overview) -> float:
    return round((seen.now - since).total_seconds(), 3) if since else 0.0
