"""Bring the stored figures of licences in step with their ledgers.

A licence's figures are written by whoever holds its row lock, after adding up anew under that lock. Whoever
changes a ledger row takes the lock first (ledger.py). So two changes at once both count, and the locks are
taken in the order of the licences' ids, so that nobody waits in a circle.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now

from licensing.balances_sql import Differences, ItemChange, LicenceChange, differences

LICENCE_UPDATE = """
    UPDATE licensing_license SET balance_cif = %s, overdrawn_cif = %s, is_null = %s, is_expired = %s,
        is_stale = FALSE, updated_at = %s WHERE id = %s
"""
ITEM_UPDATE = """
    UPDATE licensing_importitem SET available_quantity = %s, available_value = %s, debited_quantity = %s,
        debited_value = %s, allotted_quantity = %s, allotted_value = %s, updated_at = %s WHERE id = %s
"""


def recalculate(licence_ids: Collection[int], today: date, *, items: bool = True) -> Differences:
    """Write the figures of these licences that are not right; returns what was changed."""
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
    moment = connection.ops.adapt_datetimefield_value(now())
    with connection.cursor() as cursor:
        if wrong.licences:
            cursor.executemany(LICENCE_UPDATE, [_cells(change, moment) for change in wrong.licences])
        if wrong.items:
            cursor.executemany(ITEM_UPDATE, [_cells(change, moment) for change in wrong.items])


def _cells(change: LicenceChange | ItemChange, moment: str | datetime) -> Sequence[Any]:
    plain = [figure if isinstance(figure, bool) else str(figure) for figure in change.new]
    return [*plain, moment, change[0]]


def mark_stale(licence_ids: Collection[int]) -> None:
    """Leave these licences to the job that works them out; they are locked already."""
    from licensing.models import License

    License.objects.filter(pk__in=licence_ids).update(is_stale=True)
