"""python -m bench.scale [--clusters 1 2 4] [--jobs 6000]: more clusters over one PostgreSQL.

For each number of clusters, of four workers each: no-ops a second, which the processors limit; jobs a second
that wait for a vendor for 50 ms, which the number of workers limits; the connections to PostgreSQL that a
cluster keeps, and the memory of its processes.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import psutil

from bench import servers
from bench.contenders import ims
from bench.contenders.base import WORKERS
from bench.one_round import drain, wait_until
from bench.scale_guard import Guard

WAITING = 400  # jobs that wait, for each cluster
CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class Several(ims.Contender):
    """So many clusters, each with all of its workers."""

    def __init__(self, address: str, guard: Guard) -> None:
        super().__init__(address)
        self.guard = guard

    def start(self) -> None:
        for _ in range(self.clusters):
            self.run("manage.py", "qcluster", "--workers", str(WORKERS))
            self.guard.watch(self.processes[-1].pid)

    def wait_until_all_serve(self) -> None:
        from scheduling import overview

        wait_until(lambda: sum(bool(each.workers) for each in overview.look().alive), at_least=self.clusters)
        wait_until(lambda: len(self.workers()), at_least=self.clusters * WORKERS)

    def supervisors(self) -> list[psutil.Process]:
        return [each for process in self.processes for each in psutil.Process(process.pid).children()]

    def workers(self) -> list[psutil.Process]:
        return [worker for each in self.supervisors() for worker in each.children()]

    def enqueue_waiting(self, count: int) -> None:
        from bench import tasks

        tasks.wait.enqueue_many([{}] * count)


@dataclass(frozen=True)
class Measured:
    clusters: int
    no_ops: float  # a second
    cost: float  # microseconds of processors for a no-op, PostgreSQL included
    waiting: float  # a second
    connections: float  # of a cluster
    memory: dict[str, float]  # MB: of one process of each kind, and of a cluster


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__.splitlines()[0])
    parser.add_argument("--clusters", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--jobs", type=int, default=6_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ims-bench-") as folder:
        guard = Guard(Path(folder))
        postgres = servers.Postgres(Path(folder))
        guard.watch(postgres.server.get_pid())
        try:
            contender = Several(postgres.create_database("scale"), guard)
            contender.prepare()
            show([measure(contender, postgres, count, options.jobs) for count in options.clusters])
        finally:
            from django.db import connections

            connections.close_all()
            postgres.stop()


def measure(contender: Several, postgres: servers.Postgres, clusters: int, jobs: int) -> Measured:
    contender.clusters = clusters
    contender.clear()
    with running(contender):
        contender.wait_until_all_serve()
        before = cpu_seconds(contender, postgres)
        contender.enqueue_many(jobs)
        no_ops = drain(contender, jobs)
        cost = (cpu_seconds(contender, postgres) - before) / jobs * 1e6
        contender.check(jobs)
        waiting = drain_waiting(contender)
        return Measured(clusters, no_ops, cost, waiting, connections_of(contender), memory_of(contender))


@contextmanager
def running(contender: Several) -> Iterator[None]:
    contender.start()
    try:
        yield
    finally:
        contender.stop()


def cpu_seconds(contender: Several, postgres: servers.Postgres) -> float:
    """Of clusters and PostgreSQL; processes that have ended count with those that waited for them."""
    postmaster = psutil.Process(postgres.server.get_pid())
    heads = [psutil.Process(each.pid) for each in contender.processes] + [postmaster]
    found = [each for head in heads for each in [head, *head.children(recursive=True)]]
    return sum(sum(each.cpu_times()[:4]) for each in found)


def drain_waiting(contender: Several) -> float:
    """As `drain`, of jobs that wait; for a few seconds, however many clusters there are."""
    jobs = WAITING * contender.clusters
    contender.enqueue_waiting(jobs)
    first = wait_until(waited, at_least=jobs // 10)
    began = time.monotonic()
    wait_until(waited, at_least=jobs)
    return (jobs - first) / (time.monotonic() - began)


def waited() -> int:
    return int(scalar("SELECT count(*) FROM django_q_task WHERE func = 'bench.tasks.wait'"))


def connections_of(contender: Several) -> float:
    return scalar(CONNECTIONS) / contender.clusters


def scalar(statement: str) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def memory_of(contender: Several) -> dict[str, float]:
    kinds: dict[str, list[psutil.Process]] = defaultdict(list)
    kinds["parent"] = [psutil.Process(each.pid) for each in contender.processes]
    kinds["supervisor"], kinds["worker"] = contender.supervisors(), contender.workers()
    sizes = {kind: [each.memory_full_info().pss / 2**20 for each in found] for kind, found in kinds.items()}
    whole = sum(sum(found) for found in sizes.values()) / contender.clusters
    return {**{kind: mean(found) for kind, found in sizes.items()}, "cluster": whole}


def show(found: list[Measured]) -> None:
    first = found[0]
    print(
        f"PostgreSQL, Python {sys.version.split()[0]}, {os.cpu_count()} cores, {WORKERS} workers a cluster\n"
    )
    heads = [
        "no-ops/s",
        "",
        "µs of CPU each",
        "jobs/s that wait 50 ms",
        "",
        "connections a cluster",
        "MB a cluster",
    ]
    print(f"| clusters | {' | '.join(heads)} |\n|{'---:|' * (len(heads) + 1)}")
    for each in found:
        print(
            f"| {each.clusters} | {each.no_ops:,.0f} | × {each.no_ops / first.no_ops:.2f} | {each.cost:.0f}"
            f" | {each.waiting:,.0f} | × {each.waiting / first.waiting:.2f}"
            f" | {each.connections:.1f} | {each.memory['cluster']:.0f} |"
        )
    sizes = ", ".join(f"{kind} {first.memory[kind]:.0f}" for kind in ("parent", "supervisor", "worker"))
    print(f"\nMB of one process (PSS, of {first.clusters} cluster): {sizes}")


if __name__ == "__main__":
    main()
