"""A licence's own facts, as people enter and correct them: on record, and worked out at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ims.accounts.models import User
from licensing import ledger
from licensing.models import License
from licensing.rows import told

FIGURES = {"balance_cif", "overdrawn_cif", "is_null", "is_expired", "is_stale", "low_since"}


def enter(save: Callable[[], License], user: User | None) -> License:
    """Keep a new licence, by a function that saves it."""
    with ledger.changes(user) as block:
        licence = save()
        block.take([licence.pk])
        note(block, licence, None)
    return licence


@contextmanager
def correcting(licence: License, user: User | None) -> Iterator[None]:
    """Save what changes of a known licence inside; its figures are others' to write, so leave them out."""
    with ledger.changes(user) as block:
        block.take([licence.pk])
        before = entered(License.objects.get(pk=licence.pk))
        yield
        note(block, License.objects.get(pk=licence.pk), before)


def note(block: ledger.Changes, licence: License, before: dict[str, str] | None) -> None:
    """Put on record what became of a licence, a new one or one that was `before`; nothing if it is alike."""
    after = entered(licence)
    if before is None:
        block.note([licence.pk], "added", "licence", {}, after)
        return
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if names:
        old, new = ({name: facts.get(name, "") for name in sorted(names)} for facts in (before, after))
        block.note([licence.pk], "changed", "licence", old, new)


def entered(licence: License) -> dict[str, str]:
    return {name: text for name, text in told(licence).items() if name not in FIGURES}
