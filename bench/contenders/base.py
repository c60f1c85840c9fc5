"""What bench/one_round.py asks of a contender. What one cannot do it leaves as it is here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 4


class Base:
    packages: tuple[str, ...] = ()  # whose versions are told
    has_many = True  # a call of its own that enqueues many jobs
    can_claim = False  # and a claim that can be timed by itself
    has_queues = False  # by urgency

    def __init__(self, address: str) -> None:
        self.address = address  # of the database or server that it works on
        self.processes: list[subprocess.Popen[bytes]] = []

    def prepare(self) -> None:
        """Make the tables, and be able to enqueue."""

    def start(self) -> None:
        """Start the workers."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget all jobs and all results. No worker runs then."""
        raise NotImplementedError

    def enqueue(self) -> None:
        """Enqueue one no-op."""
        raise NotImplementedError

    def enqueue_many(self, count: int) -> None:
        for _ in range(count):
            self.enqueue()

    def enqueue_report(self, port: int) -> None:
        """Enqueue bench.work.report."""
        raise NotImplementedError

    def count_done(self) -> int:
        """How many jobs have ended, with all that is kept of them kept."""
        raise NotImplementedError

    def check(self, jobs: int) -> None:
        """Raise where a job was lost or ran twice; only where that can be told."""

    def run(self, *command: str, **environment: str) -> None:
        self.processes.append(
            subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get("BENCH_VERBOSE") else subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes.clear()


def count(cursor: Any, table: str, where: str = "true") -> int:
    cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE {where}")
    return int(cursor.fetchone()[0])
