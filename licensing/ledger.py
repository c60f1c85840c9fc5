"""Changes of ledger rows, and the recalculation that follows each of them.

    with ledger.changes(user=request.user):
        …  # write ledger rows by any way: save, bulk_create, update, delete

The figures of the licences that were touched are worked out at the end, in the same transaction; of more than
SMALL licences by a job. A write outside of such a block is a block of its own (rows.py). Each change is on
record with its user.
"""

import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import transaction
from django.utils.timezone import now

from licensing import recalculation
from licensing.balances import day_in_india

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from ims.accounts.models import User

SMALL = 500  # licences that are worked out in the transaction of the change itself

_here = threading.local()


class Changes:
    """What one block touches."""

    def __init__(self, user: "User | AnonymousUser | None") -> None:
        self.user = user if user is not None and user.is_authenticated else None
        self.touched: set[int] = set()
        self.notes: list[dict[str, Any]] = []

    def take(self, licence_ids: Iterable[int]) -> None:
        """Lock licences whose rows are about to change; their figures will be worked out."""
        fresh = set(licence_ids) - self.touched
        recalculation.lock(fresh)
        self.touched |= fresh

    def note(
        self, licence_ids: Iterable[int], action: str, row: str, before: dict[str, str], after: dict[str, str]
    ) -> None:
        """Put a change of one row on record."""
        self.notes += [
            {"license_id": licence_id, "action": action, "row": row, "before": before, "after": after}
            for licence_id in licence_ids
        ]


@contextmanager
def changes(user: "User | AnonymousUser | None" = None) -> Iterator[Changes]:
    """A block of changes in one transaction; blocks inside of a block are part of it.

    Who changes rows of several licences one after the other takes all of the licences first (`take`), or two
    who do so in opposite orders may wait for one another; PostgreSQL then ends one of them.
    """
    outer: Changes | None = getattr(_here, "changes", None)
    if outer is not None:
        yield outer
        return
    with transaction.atomic():
        _here.changes = block = Changes(user)
        try:
            yield block
            settle(block)
        finally:
            _here.changes = None


def settle(block: Changes) -> None:
    keep_notes(block)
    if len(block.touched) <= SMALL:
        recalculation.recalculate(block.touched, day_in_india(now()))
    else:
        leave_to_job(block.touched)


def keep_notes(block: Changes) -> None:
    if not block.notes:
        return
    model = apps.get_model("licensing", "LedgerChange")
    licences = apps.get_model("licensing", "License").objects.filter(pk__in=block.touched)
    left = set(licences.values_list("pk", flat=True))  # with a deleted licence its history goes too
    moment = now()
    kept = (note for note in block.notes if note["license_id"] in left)
    model.objects.bulk_create((model(user=block.user, at=moment, **note) for note in kept), batch_size=500)


def leave_to_job(licence_ids: Collection[int]) -> None:
    """Mark the licences and wake the job; it commits or rolls back with the change."""
    from licensing.tasks import recalculate_stale  # the job uses this module too

    recalculation.mark_stale(licence_ids)
    recalculate_stale.enqueue()
