"""python -m bench.dispatch [--postgres] [--requests 1000000] [--expired 1000]: taking back overdue offers.

Two ways on the same tables, among a hundredth of the requests and among all: in batches, as the task does it,
and by a loop that loads and saves each request, as is often written. It works in a database of its own in a
temporary folder, SQLite or with --postgres a PostgreSQL that it starts and stops, or in the one that
BENCH_DATABASE_URL names.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

LOT = 5_000  # rows inserted at once


@dataclass
class Measured:
    name: str
    expired: int
    seconds: float
    statements: int


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.dispatch", description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--expired", type=int, default=1_000)
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL of its own, not on SQLite")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="ims-bench-") as folder,
        database(folder, options.postgres) as url,
    ):
        prepare(url)
        make_drivers(options.expired)
        rows = []
        for total in (options.requests // 100, options.requests):
            fill(total)
            rows += [(total, row) for row in ways(options.expired)]
    show(rows)


@contextmanager
def database(folder: str, postgres: bool) -> Iterator[str]:
    """The address of an empty database."""
    if not postgres:
        yield os.environ.get("BENCH_DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
        return
    from bench.servers import Postgres

    server = Postgres(Path(folder))
    try:
        yield server.create_database("bench_dispatch")
    finally:
        server.stop()


def prepare(url: str) -> None:
    """Settings, a database with our tables, and Django."""
    os.environ.update(DEBUG="0", HTTPS="0", LOG_LEVEL="ERROR", SECRET_KEY="only-for-the-bench-" * 3)
    os.environ.update(DATABASE_URL=url, DJANGO_SETTINGS_MODULE="ims.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def make_drivers(count: int) -> None:
    from ims.accounts.models import User
    from logistics.fleet.models import Driver, Station

    ms = Station.objects.create(type="MS", code="BENCH-MS", name="Bench MS")
    Station.objects.create(type="DBS", code="BENCH-DBS", name="Bench DBS", parent_station=ms)
    users = User.objects.bulk_create(User(username=f"bench-{number}") for number in range(count))
    Driver.objects.bulk_create(Driver(user=user) for user in users)


def fill(total: int) -> None:
    """So many requests, all of them done."""
    from logistics.dispatch.models import StockRequest
    from logistics.fleet.models import Station

    dbs = Station.objects.get(code="BENCH-DBS")
    missing = total - StockRequest.objects.count()
    for start in range(0, missing, LOT):
        StockRequest.objects.bulk_create(
            StockRequest(dbs=dbs, requested_qty_kg=800, status="COMPLETED")
            for _ in range(min(LOT, missing - start))
        )
    analyse()


def analyse() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def ways(expired: int) -> list[Measured]:
    from logistics import tasks

    ours = tasks.check_expired_driver_assignments
    return [measured("in batches", expired, ours), measured("one by one", expired, one_by_one)]


def one_by_one() -> None:
    """What a loop over the requests does; it can also overwrite an acceptance of the same moment."""
    from django.utils.timezone import now

    from logistics import tasks
    from logistics.dispatch.models import Offer, StockRequest, answer_time

    overdue = StockRequest.objects.filter(
        status="ASSIGNING", assignment_started_at__lte=now() - answer_time()
    )
    for request in overdue:
        offer = Offer.objects.create(
            request=request, driver=request.target_driver, answer="expired", answered_at=now()
        )
        request.status, request.target_driver, request.assignment_started_at = "PENDING", None, None
        request.save()
        tasks.notify_eic_assignment_expired.enqueue(stock_request_id=request.pk, offer_id=offer.pk)


def measured(name: str, expired: int, work: Callable[[], object]) -> Measured:
    from django.db import connection

    offer(expired)
    statements = 0

    def count(execute, *arguments):
        nonlocal statements
        statements += 1
        return execute(*arguments)

    started = time.monotonic()
    with connection.execute_wrapper(count):
        work()
    return Measured(name, expired, time.monotonic() - started, statements)


def offer(expired: int) -> None:
    """So many of the requests are overdue offers, each to a driver of its own."""
    from django.utils.timezone import now

    from logistics.dispatch.models import Offer, StockRequest
    from logistics.fleet.models import Driver
    from scheduling.models import QueuedJob

    QueuedJob.objects.all().delete()
    Offer.objects.all().delete()
    StockRequest.objects.filter(status="PENDING").update(status="COMPLETED")
    first, last = (
        StockRequest.objects.order_by(way).values_list("pk", flat=True)[0] for way in ("pk", "-pk")
    )
    step = max(1, (last - first + 1) // expired)
    chosen = list(StockRequest.objects.filter(pk__in=range(first, last + 1, step))[:expired])
    long_ago = now() - timedelta(hours=1)
    for request, driver in zip(chosen, Driver.objects.all(), strict=False):
        request.status, request.target_driver, request.assignment_started_at = "ASSIGNING", driver, long_ago
    StockRequest.objects.bulk_update(
        chosen, ["status", "target_driver", "assignment_started_at"], batch_size=200
    )
    analyse()


def show(rows: list[tuple[int, Measured]]) -> None:
    print("\n| overdue offers taken back | requests | expired | seconds | statements |")
    print("|---|---:|---:|---:|---:|")
    for total, row in rows:
        print(f"| {row.name} | {total:,} | {row.expired:,} | {row.seconds:.2f} | {row.statements:,} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nPeak of this process: {peak:.0f} MB, the making of the rows among it.")


if __name__ == "__main__":
    main()
