"""Allotments: each row reserves of one item; rows of one company and invoice are one allotment."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now

from ims.imports.report import Report, shown
from ims.imports.rows import Column, Row
from licensing import ledger
from licensing.allotting import Desk
from licensing.balances import ZERO, day_in_india
from licensing.lines import Line, Refused
from licensing.models import Allotment, AllotmentItem, ImportItem, License
from licensing.sheets.boe_rows import item_key, item_of, items_of, refuse_item
from licensing.sheets.kind import LedgerSheet

OWN = ("description", "hs_code", "port", "expected_on")
Key = tuple[str, str]  # company, invoice


class AllotmentRows(LedgerSheet):
    """New lines are reserved as by hand: never more than there is. A known line may not be changed here."""

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

    def enter(self, rows: Sequence[Row], report: Report, block: ledger.Changes) -> None:
        items = items_of(rows)
        rows = [row for row in rows if item_of(row, items) or refuse_item(self, row, report)]
        block.take({items[item_key(row)].license_id for row in rows})
        desk = Desk(block.touched, day_in_india(now()))
        allotments = stored(rows)
        lines = stored_lines(allotments)
        for row in rows:
            item = items[item_key(row)]
            key = row.values["company"], row.values["invoice"]
            known = lines.get((*key, item.pk))
            if known is not None:
                self.compare(row, known, report)
                continue
            line = Line(item.pk, row.values.get("qty", ZERO), row.values.get("cif_fc", ZERO))
            try:
                desk.refuse_closed("item", line)
                desk.take("line", line)
            except Refused as error:
                column = "cif_fc" if error.field.endswith("cif_fc") else "qty"
                report.refuse([self.error(row, column, str(error))])
                continue
            allotment = allotments.setdefault(key, Allotment(company=key[0], invoice=key[1]))
            lines[*key, item.pk] = add(allotment, line, row)
            report.tell_new(row, f"{key[0]}, {key[1]}: {item}")

    def compare(self, row: Row, known: AllotmentItem, report: Report) -> None:
        """A line that is there already: alike, or for a person to decide."""
        differing = {
            name: (getattr(known, name), row.values[name])
            for name in ("qty", "cif_fc")
            if name in row.values and row.values[name] != getattr(known, name)
        }
        if not differing:
            report.unchanged += 1
            return
        name, (old, new) = next(iter(differing.items()))
        words = (
            f"{shown(old)} are reserved already, not {shown(new)}: release the allotment and reserve anew."
        )
        report.refuse([self.error(row, name, words)])

    @classmethod
    def export(cls, found: QuerySet[Allotment]) -> Iterator[list[Any]]:
        whole = found.prefetch_related("items__item__license", "bills_of_entry")
        for allotment in whole.iterator(chunk_size=500):
            own = [allotment.company, allotment.invoice, *(getattr(allotment, name) for name in OWN)]
            boes = ", ".join(boe.number for boe in allotment.bills_of_entry.all())
            for each in allotment.items.all():
                where = [each.item.license.license_number, each.item.serial, each.qty, each.cif_fc]
                yield [*own, *where, boes, allotment.created_at]


def stored(rows: Sequence[Row]) -> dict[Key, Allotment]:
    invoices = {row.values["invoice"] for row in rows}
    found = Allotment.objects.filter(invoice__in=invoices).order_by("pk")
    return {(each.company, each.invoice): each for each in reversed(found)}


def stored_lines(allotments: dict[Key, Allotment]) -> dict[tuple[str, str, int], AllotmentItem]:
    ids = [allotment.pk for allotment in allotments.values()]
    found = AllotmentItem.objects.filter(allotment__in=ids).select_related("allotment")
    return {(each.allotment.company, each.allotment.invoice, each.item_id): each for each in found}


def add(allotment: Allotment, line: Line, row: Row) -> AllotmentItem:
    """The allotment's totals grow with it."""
    for name in OWN:
        if name in row.values:
            setattr(allotment, name, row.values[name])
    allotment.required_quantity += line.qty
    allotment.cif_fc += line.cif_fc
    allotment.save()
    return AllotmentItem.objects.create(
        allotment=allotment, item_id=line.item_id, qty=line.qty, cif_fc=line.cif_fc
    )
