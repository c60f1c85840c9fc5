"""How many requests the web processes answered: one row for each view, method and status."""

from __future__ import annotations

from django.db import connection, transaction

from scheduling.operation_models import HttpCount

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
Counts = dict[tuple[str, str, int], tuple[int, float]]  # view, method, status: how many, seconds


@transaction.atomic
def add(counts: Counts) -> None:
    """Add to what is counted; in one order, so that processes never wait for one another in a ring."""
    table = HttpCount._meta.db_table
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} AS kept (view, method, status, count, seconds)"  # noqa: S608 - a constant
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (view, method, status) DO UPDATE"
            " SET count = kept.count + excluded.count, seconds = kept.seconds + excluded.seconds",
            [(view[:200], method, status, *told) for (view, method, status), told in sorted(counts.items())],
        )
