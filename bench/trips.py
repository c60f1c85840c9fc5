"""python -m bench.trips [--postgres] [--watchers 200] [--seconds 60] [--points 1000000]: trips under load.

Three figures, in a database of its own in a temporary folder: how soon an event that another process
publishes reaches every watcher, half of whom leave once and come back; how many fixes the API takes, one by
one and in batches; and how long ingest waits at most while a million old fixes are deleted.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil

from bench.servers import Postgres

ROOT = Path(__file__).resolve().parent.parent
RATE = 10  # events a second
BATCH = 100  # fixes in a request


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.trips", description=__doc__.splitlines()[0])
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--watchers", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--points", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ims-bench-") as folder, database(Path(folder), options.postgres):
        trip_id, token = prepare()
        with web() as (port, process):
            show(asyncio.run(live(port, process, trip_id, token, options.watchers, options.seconds)))
            api(port, trip_id, token, min(options.seconds, 20))
        cleanup(trip_id, options.points)


@contextlib.contextmanager
def database(folder: Path, on_postgres: bool) -> Iterator[None]:
    server = Postgres(folder) if on_postgres else None
    url = server.create_database("trips") if server else f"sqlite:///{folder / 'trips.sqlite3'}"
    os.environ.update(
        DATABASE_URL=url,
        DJANGO_SETTINGS_MODULE="ims.settings",
        DEBUG="1",
        HTTPS="0",
        LOG_LEVEL="WARNING",
        THROTTLE_USER="1000000/min",
        TRIP_STREAMS_PER_USER="10000",
        TRIP_STREAMS="10000",
    )
    print(f"{'PostgreSQL' if server else 'SQLite'}, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    try:
        yield
    finally:
        from django.db import connections

        connections.close_all()
        if server:
            server.stop()


def prepare() -> tuple[int, str]:
    """A trip under way, and the token of a dispatcher."""
    import django

    django.setup()
    from django.core.management import call_command
    from knox.models import AuthToken

    from ims.accounts.models import User
    from logistics.fleet import services as fleet
    from logistics.fleet.models import Vehicle
    from logistics.trips.models import Patient, Trip

    call_command("migrate", verbosity=0)
    user = User.objects.create_superuser("bench", "bench@example.com")
    vehicle = Vehicle.objects.create(registration="BENCH", status="in_trip")
    driver = fleet.make_driver(user, assigned_vehicle=vehicle)
    patient = Patient.objects.create(medical_record_number="B", name="B")
    trip = Trip.objects.create(patient=patient, driver=driver, vehicle=vehicle, status="in_transit")
    return trip.pk, AuthToken.objects.create(user)[1]


@contextlib.contextmanager
def web() -> Iterator[tuple[int, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", "ims.asgi:application", "--port", str(port)]
    process = subprocess.Popen([*command, "--log-level", "warning"], cwd=ROOT)
    try:
        wait_for_port(port)
        yield port, psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


# --- 1 How soon an event is everywhere ------------------------------------------------------------------

PUBLISHER = """
import sys, time, django
django.setup()
from django.utils.timezone import now
from logistics import tasks
trip, rate, seconds = (int(each) for each in sys.argv[1:])
begin = time.monotonic()
for number in range(rate * seconds):
    time.sleep(max(0, begin + number / rate - time.monotonic()))
    tasks.broadcast_gps_update(trip, 22.3 + number / 1e5, 73.18, 40.0, 90, recorded_at=now().isoformat())
"""


@dataclass
class Client:
    """Watches, and may leave once in the middle."""

    leaves: bool
    last: int = 0
    numbers: list[int] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)  # milliseconds
    is_late: bool = False  # what it gets just after it came back was published while it was away

    async def watch(self, port: int, trip_id: int, token: str, until: int) -> None:
        while self.last < until:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                f"GET /api/trips/{trip_id}/stream/?after={self.last} HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: Bearer {token}\r\n\r\n".encode()
            )
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self.read(reader, until)
            writer.close()
            self.is_late = True
            await asyncio.sleep(1)

    async def read(self, reader: asyncio.StreamReader, until: int) -> None:
        while self.last < until:
            line = await reader.readuntil(b"\n")
            if line.startswith(b"id: "):
                self.last = int(line[4:])
                self.numbers.append(self.last)
            elif line.startswith(b'data: {"type": "gps_update"'):
                published = datetime.fromisoformat(json.loads(line[6:])["timestamp"])
                delay = (datetime.now(UTC) - published).total_seconds() * 1000
                if not self.is_late:
                    self.delays.append(delay)
                self.is_late = self.is_late and delay > 500
                if self.leaves and self.last >= until // 2:
                    self.leaves = False
                    return


async def live(
    port: int, web: psutil.Process, trip_id: int, token: str, watchers: int, seconds: int
) -> dict[str, Any]:
    until = RATE * seconds
    clients = [Client(leaves=number % 2 == 0) for number in range(watchers)]
    watching = [asyncio.create_task(each.watch(port, trip_id, token, until)) for each in clients]
    await asyncio.sleep(2 + watchers / 50)
    memory = web.memory_info().rss
    busy = sum(web.cpu_times()[:2])
    publisher = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(trip_id), str(RATE), str(seconds)], cwd=ROOT
    )
    await asyncio.wait(watching, timeout=seconds + 60)
    publisher.wait()
    wanted = list(range(1, until + 1))
    return {
        "watchers": watchers,
        "events": until,
        "lost": sum(len(set(wanted) - set(each.numbers)) for each in clients),
        "doubled": sum(len(each.numbers) - len(set(each.numbers)) for each in clients),
        "out of order": sum(each.numbers != sorted(each.numbers) for each in clients),
        "delays": [delay for each in clients for delay in each.delays],
        "memory": (memory, web.memory_info().rss),
        "cpu": (sum(web.cpu_times()[:2]) - busy) / seconds,
    }


def show(found: dict[str, Any]) -> None:
    cuts = quantiles(found["delays"], n=100)
    before, after = (size / 2**20 for size in found["memory"])
    print(f"\n{found['watchers']} watchers, {found['events']} events at {RATE}/s, half of them left once")
    print(f"| lost {found['lost']} | doubled {found['doubled']} | out of order {found['out of order']} |")
    print(f"| p50 {cuts[49]:.0f} ms | p95 {cuts[94]:.0f} ms | p99 {cuts[98]:.0f} ms |")
    print(f"| web: {before:.0f} → {after:.0f} MB | {found['cpu'] * 100:.0f} % of a core |")


# --- 2 What the API takes -------------------------------------------------------------------------------


def api(port: int, trip_id: int, token: str, seconds: int) -> None:
    for size in (1, BATCH):
        taken = post_for(port, trip_id, token, seconds, size)
        print(
            f"\nAPI, {size} a request: {taken / seconds:,.0f} fixes/s, {seconds / taken * 1e6:,.0f} µs a fix"
        )


def post_for(port: int, trip_id: int, token: str, seconds: int, size: int) -> int:
    import requests

    url = f"http://127.0.0.1:{port}/api/trips/{trip_id}/gps/"
    counts = [0] * 4
    until = time.monotonic() + seconds

    def post(place: int) -> None:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {token}"
        while time.monotonic() < until:
            begin = datetime.now(UTC) - timedelta(minutes=10 if size > 1 else 0)
            points = [
                {
                    "latitude": 22.3,
                    "longitude": 73.18,
                    "recorded_at": (begin + timedelta(microseconds=place + 7 * number)).isoformat(),
                }
                for number in range(size)
            ]
            answer = session.post(url, json={"points": points}, timeout=30)
            answer.raise_for_status()
            counts[place] += answer.json()["accepted"]

    threads = [threading.Thread(target=post, args=(place,)) for place in range(len(counts))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sum(counts)


# --- 3 Cleaning up --------------------------------------------------------------------------------------


def cleanup(trip_id: int, count: int) -> None:
    """Delete old fixes while a phone goes on sending; how long does the phone wait?"""
    from django.db import connection
    from django.utils.timezone import now

    from logistics import trip_actions
    from logistics.trips import upkeep
    from logistics.trips.gps import NewFix
    from logistics.trips.live_models import GpsPoint
    from logistics.trips.models import Patient, Trip

    old = Trip.objects.create(patient=Patient.objects.get(), status="cancelled")
    begin = now() - timedelta(days=80)
    for lot in range(0, count, 10_000):
        GpsPoint.objects.bulk_create(
            GpsPoint(trip=old, lat=1, lng=2, recorded_at=begin + timedelta(seconds=lot + number))
            for number in range(min(10_000, count - lot))
        )
    spent: list[float] = []

    def clean() -> None:
        started = time.monotonic()
        upkeep.delete_old_fixes(now())
        spent.append(time.monotonic() - started)
        connection.close()

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    trip, waits = Trip.objects.get(pk=trip_id), []
    while cleaner.is_alive():
        started = time.monotonic()
        trip_actions.ingest(trip, [NewFix(1, 2, now())])  # type: ignore[arg-type]
        waits.append((time.monotonic() - started) * 1000)
        time.sleep(0.02)
    cuts = quantiles(waits * 2, n=100)
    print(
        f"\nCleanup of {count:,} fixes in {spent[0]:.1f} s ({count / spent[0]:,.0f}/s); meanwhile ingest took"
    )
    print(f"| p50 {cuts[49]:.0f} ms | p95 {cuts[94]:.0f} ms | at most {max(waits):.0f} ms |")


def wait_for_port(port: int) -> None:
    for _ in range(600):
        with socket.socket() as end:
            if end.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("The web process did not start.")


if __name__ == "__main__":
    main()
