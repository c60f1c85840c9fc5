"""python -m bench.one_round MODULE ADDRESS SIZES: all measures of one contender, once, as one line of JSON.

It runs in the virtual environment of its contender, and in a process of its own, so that no two meet.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from bench.contenders.base import Base

PATIENCE = float(os.environ.get("BENCH_PATIENCE", "120"))  # seconds for any one measure
LOOK = 0.02  # seconds between looks at how many are done
WARM = 0.1  # of a drain is not measured: workers begin one after the other


@dataclass(frozen=True)
class Sizes:
    jobs: int  # of a drain
    enqueued: int  # one by one
    many: int  # by one call
    pick_ups: int
    idle: float  # seconds; 0: not measured
    rows: tuple[int, ...]  # in the queue, when claims are timed
    waiting: int  # less urgent jobs, when an urgent one comes
    log: str | None  # of PostgreSQL, where statements are counted


def main() -> None:
    module, address, sizes = sys.argv[1:]
    contender = importlib.import_module(module).Contender(address)
    print(json.dumps(measure(contender, Sizes(**json.loads(sizes)))))


def measure(contender: Base, sizes: Sizes) -> dict[str, Any]:
    contender.prepare()
    found: dict[str, Any] = {name: metadata.version(name) for name in contender.packages}
    found = {"versions": found, **enqueue(contender, sizes)}
    if contender.can_claim:
        found |= {f"claim_ms_{rows}": claim(contender, rows) for rows in sizes.rows}
    contender.clear()
    contender.enqueue_many(sizes.jobs)
    with running(contender):
        found["drain"] = drain(contender, sizes.jobs)
        contender.check(sizes.jobs)
        found["memory_mb"] = memory_mb(contender)
        found |= pick_up(contender.enqueue_report, sizes.pick_ups)
        if sizes.idle:
            found |= idle(contender, sizes)
        if contender.has_queues:
            found["urgent_ms"] = urgent(contender, sizes.waiting)
    return found


@contextmanager
def running(contender: Base) -> Iterator[None]:
    contender.start()
    try:
        yield
    finally:
        contender.stop()


def enqueue(contender: Base, sizes: Sizes) -> dict[str, float]:
    """Jobs enqueued in a second, with no worker about."""
    contender.clear()
    rates = {
        "enqueue": sizes.enqueued / seconds(lambda: [contender.enqueue() for _ in range(sizes.enqueued)])
    }
    if contender.has_many:
        contender.clear()
        rates["enqueue_many"] = sizes.many / seconds(lambda: contender.enqueue_many(sizes.many))
    return rates


def claim(contender: Any, rows: int) -> float:
    contender.fill(rows)
    return float(contender.claim_ms())


def drain(contender: Base, jobs: int) -> float:
    """Jobs a second, from the time when a tenth is done until all are."""
    first = wait_until(contender.count_done, at_least=max(1, int(jobs * WARM)))
    began = time.monotonic()
    wait_until(contender.count_done, at_least=jobs)
    return (jobs - first) / max(time.monotonic() - began, LOOK)


def pick_up(enqueue_report: Callable[[int], None], times: int) -> dict[str, float]:
    """Milliseconds from the call that enqueues a job until an idle worker runs its first line."""
    waits = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", 0))
        end.settimeout(PATIENCE)
        for turn in range(times + 2):
            time.sleep(random.uniform(0.02, 0.08))  # so that nothing keeps step with a poll
            asked = time.monotonic()
            enqueue_report(end.getsockname()[1])
            wait = json.loads(end.recv(100)) - asked
            if turn >= 2:  # the first ones warm up who enqueues
                waits.append(wait * 1000)
    percentiles = statistics.quantiles(waits, n=100, method="inclusive")
    return {"pick_up_p50": statistics.median(waits), "pick_up_p99": percentiles[98]}


def urgent(contender: Any, waiting: int) -> float:
    """Milliseconds that an urgent job takes to start while so many others wait."""
    contender.enqueue_many_low(waiting)
    return pick_up(contender.enqueue_urgent_report, 5)["pick_up_p50"]


def idle(contender: Base, sizes: Sizes) -> dict[str, float]:
    """What running workers cost that have nothing to do."""
    time.sleep(min(2.0, sizes.idle))
    with counted_statements(sizes.log) as statements:
        before = cpu_seconds(contender)
        time.sleep(sizes.idle)
        found = {"idle_cpu_percent": 100 * (cpu_seconds(contender) - before) / sizes.idle}
    if sizes.log:
        found["idle_statements"] = statements() / sizes.idle
    return found


@contextmanager
def counted_statements(log: str | None) -> Iterator[Callable[[], int]]:
    """Let PostgreSQL write down each statement; afterwards the callable tells how many there were."""
    if log is None:
        yield lambda: 0
        return
    from bench.servers import log_statements

    log_statements(True)
    start = Path(log).stat().st_size
    end = start
    yield lambda: _count_logged(log, start, end)
    end = Path(log).stat().st_size
    log_statements(False)


def _count_logged(log: str, start: int, end: int) -> int:
    with Path(log).open("rb") as file:
        file.seek(start)
        text = file.read(end - start)
    return text.count(b"LOG:  statement:") + text.count(b"LOG:  execute ")


def cpu_seconds(contender: Base) -> float:
    """Of all its processes; one that ended meanwhile is not counted."""
    return sum(sum(process.cpu_times()[:2]) for process in processes(contender))


def memory_mb(contender: Base) -> float:
    """Of all its processes, each shared page counted once."""
    return sum(process.memory_full_info().pss for process in processes(contender)) / 2**20


def processes(contender: Base) -> list[psutil.Process]:
    heads = [psutil.Process(each.pid) for each in contender.processes]
    return [each for head in heads for each in [head, *head.children(recursive=True)]]


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def wait_until(count: Callable[[], int], *, at_least: int) -> int:
    deadline = time.monotonic() + PATIENCE
    while (found := count()) < at_least:
        if time.monotonic() > deadline:
            raise TimeoutError(f"Only {found} of {at_least} were done after {PATIENCE:.0f} s.")
        time.sleep(LOOK)
    return found


if __name__ == "__main__":
    main()
