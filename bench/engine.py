"""python -m bench.engine [--quick] [--rounds 3] [--only NAME …]: this project and its peers, in one sitting.

Each round gives every contender its turn, in a process and an empty database of its own, each round in
another order. Medians, ranges and ratios go to bench/RESULTS.md, a picture to bench/chart.svg. A peer that is
not installed, or fails, is named there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import chart, peers, report, servers
from bench.one_round import Sizes

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 1200  # seconds for one contender's round


@dataclass(frozen=True)
class Entry:
    name: str
    module: str
    home: str  # "postgres", "sqlite" or "redis"
    share: float = 1.0  # of the jobs; a slow one drains fewer, at the same rate
    is_peer: bool = False  # runs in the virtual environment of the peers


ENTRIES = [
    Entry("IMS, PostgreSQL", "ims", "postgres"),
    Entry("IMS, SQLite", "ims", "sqlite"),
    Entry("IMS, PostgreSQL, 2 clusters of 2 workers", "ims_two_clusters", "postgres"),
    Entry("Celery + Redis, results", "celery_results", "redis", 0.4, is_peer=True),
    Entry("Celery + Redis, no results", "celery_plain", "redis", 0.4, is_peer=True),
    Entry("Huey, SQLite, results", "huey", "sqlite", 0.5, is_peer=True),
    Entry("Procrastinate, PostgreSQL", "procrastinate", "postgres", 0.3, is_peer=True),
    Entry("django-tasks-db, PostgreSQL", "django_tasks", "postgres", 0.3, is_peer=True),
    Entry("django-qraft, PostgreSQL", "django_qraft", "postgres", 0.06, is_peer=True),
    Entry("Django Q2 as it comes, PostgreSQL", "django_q2", "postgres", 0.06),
]


def main() -> None:
    options = parse()
    entries = [entry for entry in ENTRIES if not options.only or entry.module in options.only]
    with tempfile.TemporaryDirectory(prefix="ims-bench-") as folder:
        sitting = Sitting(Path(folder), options)
        for rounds in sitting.run(entries):  # a sitting that is broken off keeps what it has
            text = report.text(sitting.found, sitting.missing, sitting.about(rounds))
            if options.out:
                Path(options.out).write_text(text)
                Path(options.out).with_name("chart.svg").write_text(chart.svg(sitting.found))
    print(text)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__.splitlines()[0])
    modules = sorted({entry.module for entry in ENTRIES})
    parser.add_argument("--quick", action="store_true", help="a tenth of the load, one round")
    parser.add_argument("--rounds", type=int, help="default 3, with --quick 1")
    parser.add_argument("--only", nargs="+", choices=modules, metavar="NAME", help=", ".join(modules))
    parser.add_argument("--out", default="bench/RESULTS.md", help="'' only prints")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    return options


def sizes(quick: bool, entry: Entry, log: str | None, number: int) -> Sizes:
    """Idleness is measured once; ours for a whole minute, because it has work that comes once a minute."""
    scale = 0.1 if quick else 1.0
    return Sizes(
        jobs=int(10_000 * scale * entry.share),
        enqueued=int(2_000 * scale),
        many=int(20_000 * scale),
        pick_ups=int(100 * scale),
        idle=0 if number else (20 if entry.is_peer else 60) * scale,
        rows=(1_000, 100_000) if quick else (1_000, 100_000, 1_000_000),
        waiting=int(10_000 * scale),
        log=log,
    )


class Sitting:
    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.options = options
        self.found: dict[str, list[dict[str, Any]]] = {}  # by name: its rounds
        self.missing: dict[str, str] = {}  # why, by name
        self.python: str | None = None  # of the peers
        self.postgres = servers.Postgres(folder)
        self.versions = {"PostgreSQL": self.postgres.version()}

    def run(self, entries: list[Entry]) -> Iterator[int]:
        """Yields the number of each round that has ended."""
        self.python = peers.python() if any(entry.is_peer for entry in entries) else None
        with servers.redis(self.folder) as redis:
            if redis:
                self.versions["Redis"] = servers.redis_version()
            try:
                for number in range(self.options.rounds):
                    start = number % len(entries)
                    for entry in entries[start:] + entries[:start]:
                        self.give_turn(entry, number, redis)
                    yield number + 1
            finally:
                self.postgres.stop()

    def give_turn(self, entry: Entry, number: int, redis: str | None) -> None:
        if entry.is_peer and self.python is None:
            self.missing[entry.name] = "requirements-bench.txt could not be installed"
        elif entry.home == "redis" and redis is None:
            self.missing[entry.name] = "redis-server is not installed"
        else:
            print(f"round {number + 1}: {entry.name} …", file=sys.stderr, flush=True)
            address = redis if entry.home == "redis" else self.database(entry, number)
            try:
                found = self.one_round(entry, number, str(address))
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                if not entry.is_peer:
                    raise  # ours has to work
                self.missing[entry.name] = f"round {number + 1} failed: {type(error).__name__}"
            else:
                self.found.setdefault(entry.name, []).append(found)

    def database(self, entry: Entry, number: int) -> str:
        name = f"{entry.module}_{number}"
        if entry.home == "postgres":
            return self.postgres.create_database(name)
        path = self.folder / f"{name}.sqlite3"
        return str(path) if entry.is_peer else f"sqlite:///{path}"

    def one_round(self, entry: Entry, number: int, address: str) -> dict[str, Any]:
        log = self.postgres.log if entry.home == "postgres" else None
        wanted = json.dumps(asdict(sizes(self.options.quick, entry, log, number)))
        python = str(self.python if entry.is_peer else sys.executable)
        command = [python, "-m", "bench.one_round", f"bench.contenders.{entry.module}", address, wanted]
        ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=LONGEST, check=True)
        found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        self.versions |= found.pop("versions")
        return found

    def about(self, rounds: int) -> report.About:
        return report.About(rounds, self.options.quick, self.versions)


if __name__ == "__main__":
    main()
