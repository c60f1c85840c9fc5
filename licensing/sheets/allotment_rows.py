"""Allotments: each row reserves of one item; rows of one company and invoice are one allotment."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now

from ims.imports.report import Report, shown
from ims.imports.rows import Column, Row
from ims.imports.writing import take_over
from licensing import ledger
from licensing.allotting import Desk, licences_reserved_by, refuse_too_much
from licensing.balances import ZERO, day_in_india
from licensing.lines import Line, Refused
from licensing.models import Allotment, AllotmentItem, ImportItem, License
from licensing.sheets.boe_rows import item_key, item_of, items_of, refuse_item
from licensing.sheets.kind import LedgerSheet

OWN = ("description", "hs_code", "port", "expected_on")
Key = tuple[str, str]  # company, invoice


class AllotmentRows(LedgerSheet):
    """New lines are reserved as by hand: never more than there is. A known line keeps its amounts."""

    name = "allotments"
    title = "Allotments"
    quantity = "qty"
    columns = {
        "company": Column(("Company",), Allotment, "company", is_needed=True),
        "invoice": Column(("Invoice",), Allotment, "invoice", is_needed=True),
        "description": Column(("Description", "Goods"), Allotment, "description"),
        "hs_code": Column(("HS code",), Allotment, "hs_code"),
        "port": Column(("Port",), Allotment, "port"),
        "expected_on": Column(("Expected on",), Allotment, "expected_on"),
        "license_number": Column(
            ("Licence number", "License number"), License, "license_number", is_needed=True
        ),
        "serial": Column(("Serial", "Item"), ImportItem, "serial", is_needed=True),
        "qty": Column(("Quantity",), AllotmentItem, "qty"),
        "cif_fc": Column(("CIF USD", "CIF"), AllotmentItem, "cif_fc"),
    }
    told = ("BOE numbers", "Made")
    example = ("Sweet Imports", "INV-2026-118", "Raw sugar", "1701", "INNSA1", "2026-12-20", "0310837893", 1,
               "1000.000", "2400.00")  # fmt: skip

    def __init__(self) -> None:
        self.seen: dict[tuple[Any, ...], int] = {}  # the first row of each line

    def enter(self, rows: Sequence[Row], report: Report, block: ledger.Changes) -> None:
        rows = [row for row in rows if self.is_first(row, report)]
        items = items_of(rows)
        rows = [row for row in rows if item_of(row, items) or refuse_item(self, row, report)]
        reserved_by_known = licences_reserved_by(list(stored(rows)))
        block.take({items[item_key(row)].license_id for row in rows} | reserved_by_known)
        known = Known(rows)
        desk = Desk(block.touched, day_in_india(now()))
        for row in rows:
            item = items[item_key(row)]
            line = known.lines.get((*key_of(row), item.pk))
            name = f"{', '.join(key_of(row))}: {item}"
            try:
                if line is not None:
                    report.tell(row, name, self.correct(row, line))
                else:
                    self.reserve(row, item, known, desk)
                    report.tell_new(row, name)
            except Refused as error:
                column = error.field.rpartition(".")[2]
                report.refuse([self.error(row, column if column in self.columns else "qty", str(error))])

    def is_first(self, row: Row, report: Report) -> bool:
        first = self.seen.setdefault((*key_of(row), *item_key(row)), row.number)
        if first != row.number:
            same = f"Same company, invoice and item as row {first}: remove one of them."
            report.refuse([self.error(row, "invoice", same)])
        return first == row.number

    def correct(self, row: Row, line: AllotmentItem) -> dict[str, tuple[Any, Any]]:
        """A line that is there already; its amounts are a person's to change. Raises Refused."""
        for name in ("qty", "cif_fc"):
            old = getattr(line, name)
            if (new := row.values.get(name, old)) != old:
                cure = "release the allotment and reserve anew"
                raise Refused(name, f"{shown(old)} are reserved already, not {shown(new)}: {cure}.")
        differing = take_over(line.allotment, own_values(row))
        if differing:
            line.allotment.save(update_fields=[*differing, "updated_at"])
        return differing

    def reserve(self, row: Row, item: ImportItem, known: "Known", desk: Desk) -> None:
        """A new line: its allotment's totals grow with it. Raises Refused."""
        allotment = known.to_reserve(row)
        line = Line(item.pk, row.values.get("qty", ZERO), row.values.get("cif_fc", ZERO))
        quantity, value = allotment.required_quantity + line.qty, allotment.cif_fc + line.cif_fc
        desk.refuse_closed("qty", line)
        refuse_too_much("line", quantity, value)
        desk.take("line", line)
        take_over(allotment, {**own_values(row), "required_quantity": quantity, "cif_fc": value})
        allotment.save()
        known.add(allotment, allotment.items.create(item=item, qty=line.qty, cif_fc=line.cif_fc))

    @classmethod
    def export(cls, found: QuerySet[Allotment]) -> Iterator[list[Any]]:
        whole = found.prefetch_related("items__item__license", "bills_of_entry")
        for allotment in whole.iterator(chunk_size=500):
            own = [allotment.company, allotment.invoice, *(getattr(allotment, name) for name in OWN)]
            boes = ", ".join(boe.number for boe in allotment.bills_of_entry.all())
            for each in allotment.items.all():
                where = [each.item.license.license_number, each.item.serial, each.qty, each.cif_fc]
                yield [*own, *where, boes, allotment.created_at]


class Known:
    """The allotments that rows name, as they are under the lock, and those that rows make."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.lines: dict[tuple[str, str, int], AllotmentItem] = {}
        self.open: dict[Key, Allotment] = {}
        self.came_in: dict[Key, Allotment] = {}  # on a BOE: what is reserved there counts no more
        for allotment in stored(rows).prefetch_related("items", "bills_of_entry"):
            state = self.came_in if allotment.bills_of_entry.all() else self.open
            state.setdefault((allotment.company, allotment.invoice), allotment)
            for line in allotment.items.all():
                self.lines.setdefault((allotment.company, allotment.invoice, line.item_id), line)

    def to_reserve(self, row: Row) -> Allotment:
        """Where a new line goes. Raises Refused."""
        key = key_of(row)
        if key in self.came_in and key not in self.open:
            raise Refused(
                "invoice", f"{self.came_in[key]} is on a BOE already: reserve under another invoice."
            )
        return self.open.get(key) or Allotment(company=key[0], invoice=key[1])

    def add(self, allotment: Allotment, line: AllotmentItem) -> None:
        self.open[allotment.company, allotment.invoice] = allotment
        self.lines[allotment.company, allotment.invoice, line.item_id] = line


def stored(rows: Sequence[Row]) -> QuerySet[Allotment]:
    """The oldest first."""
    keys = {key_of(row) for row in rows}
    found = Allotment.objects.filter(
        company__in={company for company, _ in keys}, invoice__in={invoice for _, invoice in keys}
    )
    return found.order_by("pk")


def key_of(row: Row) -> Key:
    return row.values["company"], row.values["invoice"]


def own_values(row: Row) -> dict[str, Any]:
    return {name: row.values[name] for name in OWN if name in row.values}
