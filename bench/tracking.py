"""python -m bench.tracking [--orders 10000] [--peer-orders 100]: a full update in batches, or slip by slip.

Both ask the same stand-in under Track123's limit of 5 requests a second. One request for each slip is what a
loop over update_single_order_tracking does; its time for all orders is its time for --peer-orders, scaled up.
It works in a database of its own in a temporary folder, or in the one that BENCH_DATABASE_URL names.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Measured:
    name: str
    orders: int
    seconds: float
    requests: int
    statements: str
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.tracking", description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--peer-orders", type=int, default=100, help="one request each; then scaled up")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ims-bench-") as folder:
        prepare(folder)
        rows = [by_clusters(options.orders), in_process(options.orders), one_by_one(options.peer_orders)]
    show(rows, options.orders)


def prepare(folder: str) -> None:
    """Settings, a database with our tables, and Django."""
    own = f"sqlite:///{folder}/bench.sqlite3"
    os.environ.update(DEBUG="1", LOG_LEVEL="ERROR", DATABASE_URL=os.environ.get("BENCH_DATABASE_URL", own))
    os.environ["DJANGO_SETTINGS_MODULE"] = "ims.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from masterdata import tracking_service

    tracking_service.cancel_tracking_schedule()  # the one update is the one that is measured


@contextmanager
def world(orders: int) -> Iterator:
    """A stand-in with its limit on, and so many shipped orders."""
    from django.conf import settings

    from masterdata.models import GoogleDriveSettings, PackingSlip, TrackingRun
    from tests.masterdata.many import ship_many
    from tests.peers.track123 import Track123Server

    PackingSlip.objects.all().delete()
    TrackingRun.objects.all().delete()
    GoogleDriveSettings.objects.get_or_create(
        email="bench@example.com", defaults={"track123_api_key": "test-key"}
    )
    with Track123Server(per_second=5) as vendor:
        settings.TRACK123_BASE_URL = os.environ["TRACK123_BASE_URL"] = vendor.url
        ship_many(vendor, orders)
        yield vendor


def by_clusters(orders: int, clusters: int = 2) -> Measured:
    """As in production: two clusters, one job for each batch."""
    from masterdata import runs, tracking_service

    with world(orders) as vendor, running_clusters(clusters) as processes:
        tracking_service.trigger_immediate_update()
        peak = 0.0
        while (progress := runs.latest_progress()) is None or progress.done < max(1, progress.run.total):
            peak = max(peak, *(memory_mb(process.pid) for process in processes))
            time.sleep(0.2)
        seconds = (progress.run.finished_at - progress.run.created_at).total_seconds()
        requests = len(vendor.asked("query"))
    return Measured(f"batches, {clusters} clusters", orders, seconds, requests, "", peak)


@contextmanager
def running_clusters(count: int) -> Iterator[list[subprocess.Popen]]:
    command = [sys.executable, "manage.py", "qcluster"]
    processes = [subprocess.Popen(command, cwd=ROOT, start_new_session=True) for _ in range(count)]
    time.sleep(6)  # their start is not what is measured
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def memory_mb(pid: int) -> float:
    """Of the largest process of this one's session (Linux)."""
    largest = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if os.getsid(int(status.parent.name)) == pid:
                resident = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
                largest = max(largest, *(int(line.split()[1]) for line in resident), 0)
        except (OSError, ValueError):
            continue  # it has ended
    return largest / 1024


def in_process(orders: int) -> Measured:
    """The same batches in one process, where statements can be counted."""
    from masterdata import tracking_service

    return counted("batches, 1 process", orders, tracking_service.update_all_pending_orders)


def one_by_one(orders: int) -> Measured:
    """What a loop over the orders does."""
    from masterdata import slips, tracking_service

    def update() -> None:
        for slip_id in list(slips.due().values_list("pk", flat=True)):
            tracking_service.update_single_order_tracking(slip_id)

    return counted("one request a slip", orders, update)


def counted(name: str, orders: int, update) -> Measured:
    from django.db import connection

    statements = 0

    def count(execute, *arguments):
        nonlocal statements
        statements += 1
        return execute(*arguments)

    with world(orders) as vendor, connection.execute_wrapper(count):
        statements, started = 0, time.monotonic()
        update()
        seconds, made = time.monotonic() - started, statements
        requests = len(vendor.asked("query"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(name, orders, seconds, requests, f"{made:,}", peak)


def show(rows: list[Measured], orders: int) -> None:
    batches = rows[0]
    print(
        f"\n| a full update | orders | seconds | for {orders:,} | ratio | requests | statements | peak MB |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        scaled = row.seconds * orders / row.orders
        times = f"{row.seconds:.1f} | {scaled:,.1f} s | {scaled / batches.seconds:.1f}"
        counts = f"{row.requests:,} | {row.statements or '–'} | {row.peak_mb:.0f}"
        print(f"| {row.name} | {row.orders:,} | {times} | {counts} |")
    print("\nPeak MB: the largest worker process; in one process the stand-in and its parcels are in it too.")


if __name__ == "__main__":
    main()
