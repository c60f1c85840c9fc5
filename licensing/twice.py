"""A button that was pressed twice, or a page sent again: what it made is shown, and not made anew."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.timezone import now

from licensing.lines import Line, Refused
from licensing.models import Allotment, BillOfEntry

A_MOMENT = timedelta(minutes=1)


class Repeated(Refused):
    """The same was made a moment ago: `made`."""

    def __init__(self, made: Allotment | BillOfEntry) -> None:
        super().__init__("", f"The same was made a moment ago: {made}.")
        self.made = made


def refuse_same_allotment(company: str, invoice: str, lines: Iterable[Line]) -> None:
    """Under the lock of the licences. Raises Repeated."""
    recent = Allotment.objects.filter(company=company, invoice=invoice, created_at__gte=moment_ago())
    for made in recent.prefetch_related("items"):
        if {(each.item_id, each.qty, each.cif_fc) for each in made.items.all()} == kept(lines):
            raise Repeated(made)


def refuse_same_rows(boe: BillOfEntry, lines: Iterable[Line]) -> None:
    """Under the lock of the licences. Raises Repeated."""
    recent = boe.rows.filter(created_at__gte=moment_ago())
    if recent and {(each.item_id, each.qty, each.cif_fc) for each in recent} == kept(lines):
        raise Repeated(boe)


def moment_ago() -> datetime:
    return now() - A_MOMENT


def kept(lines: Iterable[Line]) -> set[tuple[object, ...]]:
    return {(line.item_id, line.qty, line.cif_fc) for line in lines}
