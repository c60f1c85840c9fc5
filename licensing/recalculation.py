"""Bring the stored figures of licences in step with their ledgers.

A licence's figures are written by whoever holds its row lock, after adding up anew under that lock. Whoever
changes a ledger row takes the lock first (ledger.py). So two changes at once both count, and the locks are
taken in the order of the licences' ids, so that nobody waits in a circle.
"""

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now

from licensing.balances_sql import Differences, ItemFigures, LicenceFigures, differences

AT_ONCE = 1000  # rows written by one statement


def recalculate(licence_ids: Collection[int], today: date, *, items: bool = True) -> Differences:
    """Write the figures of these licences that are not right; returns what was changed."""
    if not licence_ids:
        return Differences()
    with transaction.atomic():
        lock(licence_ids)
        wrong = differences(licence_ids, today, items=items)
        write(wrong)
    return wrong


def lock(licence_ids: Collection[int]) -> None:
    """Hold these licences until the transaction ends. On SQLite a transaction that writes is alone anyway."""
    if connection.vendor == "postgresql" and licence_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM licensing_license WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
                [list(licence_ids)],
            )


def write(wrong: Differences) -> None:
    licences = [(change.licence_id, *change.new) for change in wrong.licences]
    items = [(change.item_id, *change.new) for change in wrong.items]
    _write("licensing_license", (*LicenceFigures._fields, "is_stale"), [(*row, False) for row in licences])
    _write("licensing_importitem", ItemFigures._fields, items)


def _write(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Give each of these rows, by its id, its own figures: many rows by one statement."""
    moment = connection.ops.adapt_datetimefield_value(now())
    line = f"({', '.join(['%s'] * (len(columns) + 1))})"
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        statement = f"""
            WITH fresh (id, {", ".join(columns)}) AS (VALUES {", ".join([line] * len(part))})
            UPDATE {table} SET {", ".join(f"{name} = fresh.{name}" for name in columns)}, updated_at = %s
            FROM fresh WHERE {table}.id = fresh.id
        """  # noqa: S608 - names of ours; the figures are parameters
        with connection.cursor() as cursor:
            cursor.execute(statement, [*(_cell(cell) for row in part for cell in row), moment])


def _cell(cell: Any) -> Any:
    """SQLite has no decimals of its own; it reads them from text."""
    return str(cell) if isinstance(cell, Decimal) and connection.vendor == "sqlite" else cell


def mark_stale(licence_ids: Collection[int]) -> None:
    """Leave these licences to the job that works them out; they are locked already."""
    from licensing.models import License

    License.objects.filter(pk__in=licence_ids).update(is_stale=True)
