"""What grows: the memory of each kind of process, connections, and tables."""

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import psutil

from tests.load.house import House, Unit, command_of

MB = 2**20
TABLES = """
    SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables ORDER BY 2 DESC
"""
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"

R = TypeVar("R")


@dataclass
class Samples:
    """`memory`: per kind of process, (seconds since the beginning, MB of the largest one) in order."""

    begun: float = field(default_factory=time.monotonic)
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    spent: dict[tuple[str, int], tuple[float, float]] = field(
        default_factory=dict
    )  # CPU seconds: first, last
    connections: list[int] = field(default_factory=list)
    jobs: dict[str, str] = field(default_factory=dict)  # job id: function, of all that were seen
    first_tables: dict[str, int] = field(default_factory=dict)
    last_tables: dict[str, int] = field(default_factory=dict)

    def take(self, house: House) -> None:
        at = time.monotonic() - self.begun
        sizes: dict[str, list[float]] = defaultdict(list)
        for role, process in processes(house):
            if (size := pss(process)) is not None:
                sizes[role].append(size)
                self.note_cpu(role, process)
        for role, found in sizes.items():
            self.memory[role].append((at, sum(found) if role == "PostgreSQL, all" else max(found)))
        self.connections.append(patiently(lambda: query(CONNECTIONS)[0][0]))

    def note_cpu(self, role: str, process: psutil.Process) -> None:
        """What a killed process spent since the last sample is not seen."""
        with suppress(psutil.Error):
            spent = sum(process.cpu_times()[:2])
            is_first = not self.connections  # what began later began with nothing
            first, _ = self.spent.get((role, process.pid), (spent if is_first else 0.0, 0.0))
            self.spent[role, process.pid] = first, spent

    def cores(self) -> dict[str, float]:
        """How many cores each kind of process kept busy."""
        busy: dict[str, float] = defaultdict(float)
        seconds = max(at for found in self.memory.values() for at, _ in found)
        for (role, _), (first, last) in self.spent.items():
            busy[role.partition(",")[0]] += (last - first) / max(1.0, seconds)
        return busy

    def see_jobs(self) -> None:
        from scheduling.models import QueuedJob

        self.jobs.update(QueuedJob.objects.values_list("job_id", "func"))

    def first_middle_last(self, role: str) -> tuple[float, float, float]:
        """Each the largest of a tenth of the time (of at least three samples)."""
        sizes = [size for _, size in self.memory[role]]
        few = max(3, len(sizes) // 10)
        middle = max(0, len(sizes) // 2 - few // 2)
        return max(sizes[:few]), max(sizes[middle : middle + few]), max(sizes[-few:])


def processes(house: House) -> list[tuple[str, psutil.Process]]:
    found = [(f"web, {role_in_web(each)}", each) for each in house.web.family()]
    for cluster in house.clusters:
        found += in_cluster(cluster)
    server: list[psutil.Process] = []
    with suppress(psutil.Error, ValueError, TypeError):
        postmaster = psutil.Process(house.postgres.server.get_pid())
        server = [postmaster, *postmaster.children()]
    found += [("PostgreSQL, all", each) for each in server]
    found.append(("this harness with the vendors", psutil.Process()))
    return [(role, each) for role, each in found if not role.endswith("helper")]


def role_in_web(process: psutil.Process) -> str:
    words = " ".join(command_of(process))
    if "spawn_main" in words:
        return "serving process"
    return "parent" if "uvicorn" in words else "helper"


def in_cluster(cluster: Unit) -> list[tuple[str, psutil.Process]]:
    return [
        *(("cluster, parent", each) for each in cluster.family()[:1]),
        *(("cluster, supervisor", each) for each in cluster.children()),
        *(("cluster, worker", each) for each in cluster.workers()),
    ]


def pss(process: psutil.Process) -> float | None:
    """Its own share of memory in MB: what it shares with others is divided by their number."""
    try:
        return float(process.memory_full_info().pss) / MB
    except psutil.Error:
        return None


def table_sizes() -> dict[str, int]:
    return dict(patiently(lambda: query(TABLES)))


def query(statement: str) -> list[tuple]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def patiently(act: Callable[[], R]) -> R:
    """Our own connection may be the one that was cut."""
    from django.db import DatabaseError, InterfaceError, connections

    while True:
        try:
            return act()
        except (DatabaseError, InterfaceError):
            connections.close_all()
            time.sleep(0.3)
