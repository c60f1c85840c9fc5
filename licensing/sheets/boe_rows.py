"""Bills of entry: each row is one line of a BOE, the BOE's own cells repeated. They are customs' facts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from ims.imports.report import Report
from ims.imports.rows import Column, Row
from ims.imports.writing import store_changed, take_over
from licensing import ledger
from licensing.models import BillOfEntry, BOERow, ImportItem, License, TransactionType
from licensing.sheets.kind import LedgerSheet

OWN = ("company", "exchange_rate")
AMOUNTS = ("qty", "cif_fc", "cif_inr")
Day = tuple[str, date]  # a BOE's number and date


def read_type(text: str) -> str:
    known = {"c": "C", "credit": "C", "d": "D", "debit": "D"}
    if text.lower() not in known:
        raise ValidationError(f"“{text[:20]}” is neither D (debit) nor C (credit).")
    return known[text.lower()]


class BOERows(LedgerSheet):
    name = "boes"
    title = "Bills of entry with rows"
    quantity = "qty"
    columns = {
        "number": Column(("BOE number", "Bill of entry"), BillOfEntry, "number", is_needed=True),
        "date": Column(("BOE date", "Date"), BillOfEntry, "date", is_needed=True),
        "port": Column(("Port",), BillOfEntry, "port"),
        "company": Column(("Company", "Importer"), BillOfEntry, "company"),
        "exchange_rate": Column(("Exchange rate",), BillOfEntry, "exchange_rate"),
        "license_number": Column(
            ("Licence number", "License number"), License, "license_number", is_needed=True
        ),
        "serial": Column(("Serial", "Item"), ImportItem, "serial", is_needed=True),
        "transaction_type": Column(("Type", "Transaction type"), read=read_type),
        "qty": Column(("Quantity",), BOERow, "qty"),
        "cif_fc": Column(("CIF USD", "CIF"), BOERow, "cif_fc"),
        "cif_inr": Column(("CIF INR",), BOERow, "cif_inr"),
    }
    example = ("7654321", "2026-10-02", "INNSA1", "Sweet Imports", "84.1250", "0310837893", 1, "D",
               "1000.000", "2400.00", "201900.00")  # fmt: skip

    def __init__(self) -> None:
        self.seen: defaultdict[tuple[int, int, str], int] = defaultdict(int)  # BOE, item, type: its lines

    def enter(self, rows: Sequence[Row], report: Report, block: ledger.Changes) -> None:
        items = items_of(rows)
        rows = [row for row in rows if item_of(row, items) or refuse_item(self, row, report)]
        block.take({items[item_key(row)].license_id for row in rows})
        boes, differing = self.boes_of(rows, report)
        stored = stored_rows(boes.values())
        new, changed = [], []
        for row in rows:
            if row.number not in boes:
                continue
            boe, item = boes[row.number], items[item_key(row)]
            kind = row.values.get("transaction_type", TransactionType.DEBIT)
            values = {name: row.values[name] for name in AMOUNTS if name in row.values}
            place = self.seen[boe.pk, item.pk, kind]
            self.seen[boe.pk, item.pk, kind] += 1
            known = stored[boe.pk, item.pk, kind]
            name = f"{boe}, {item}"
            if place < len(known):
                own = differing.pop(row.number, {})
                difference = take_over(known[place], values)
                changed += [known[place]] if difference else []
                report.tell(row, name, {**own, **difference})
            else:
                new.append(BOERow(bill_of_entry=boe, item=item, transaction_type=kind, **values))
                report.tell_new(row, name)
        BOERow.objects.bulk_create(new)
        store_changed(BOERow, changed, AMOUNTS)

    def boes_of(self, rows: Sequence[Row], report: Report) -> tuple[dict[int, BillOfEntry], dict[int, Any]]:
        """The bill of each row, made where there is none, and what rows change of known ones."""
        boes: dict[int, BillOfEntry] = {}
        differing: dict[int, dict[str, tuple[Any, Any]]] = {}
        known = by_day_and_port(rows)
        made = []
        for row in rows:
            day, port = (row.values["number"], row.values["date"]), row.values.get("port", "")
            if not port and "" not in (ports := known[day]):
                if len(ports) > 1:
                    report.refuse([self.error(row, "port", several(row, len(ports)))])
                    continue
                port = next(iter(ports), "")
            if port not in known[day]:
                known[day][port] = BillOfEntry(number=day[0], date=day[1], port=port)
                made.append(known[day][port])
            boe = boes[row.number] = known[day][port]
            difference = take_over(boe, {name: row.values[name] for name in OWN if name in row.values})
            if difference and not boe._state.adding:
                differing[row.number] = difference
        BillOfEntry.objects.bulk_create(made)
        store_changed(BillOfEntry, (boes[number] for number in differing), OWN)
        return boes, differing

    @classmethod
    def export(cls, found: QuerySet[BillOfEntry]) -> Iterator[list[Any]]:
        for boe in found.prefetch_related("rows__item__license").iterator(chunk_size=500):
            for row in boe.rows.all():
                own = [boe.number, boe.date, boe.port, boe.company, boe.exchange_rate]
                where = [row.item.license.license_number, row.item.serial, row.transaction_type]
                yield [*own, *where, row.qty, row.cif_fc, row.cif_inr]


def by_day_and_port(rows: Sequence[Row]) -> defaultdict[Day, dict[str, BillOfEntry]]:
    """The stored bills of these rows' numbers."""
    known: defaultdict[Day, dict[str, BillOfEntry]] = defaultdict(dict)
    for boe in BillOfEntry.objects.filter(number__in={row.values["number"] for row in rows}):
        known[boe.number, boe.date][boe.port] = boe
    return known


def several(row: Row, count: int) -> str:
    return f"There are {count} BOEs {row.values['number']} of {row.values['date']}: give its port."


def stored_rows(boes: Iterable[BillOfEntry]) -> defaultdict[tuple[int, int, str], list[BOERow]]:
    found: defaultdict[tuple[int, int, str], list[BOERow]] = defaultdict(list)
    for row in BOERow.objects.filter(bill_of_entry__in={boe.pk for boe in boes}).order_by("pk"):
        found[row.bill_of_entry_id, row.item_id, row.transaction_type].append(row)
    return found


# --- Which import item a row names ----------------------------------------------------------------------

ItemKey = tuple[str, int]


def item_key(row: Row) -> ItemKey:
    return row.values["license_number"], row.values["serial"]


def items_of(rows: Sequence[Row]) -> dict[ItemKey, ImportItem]:
    numbers = {row.values["license_number"] for row in rows}
    found = ImportItem.objects.select_related("license").filter(license__license_number__in=numbers)
    return {(item.license.license_number, item.serial): item for item in found}


def item_of(row: Row, items: dict[ItemKey, ImportItem]) -> ImportItem | None:
    return items.get(item_key(row))


def refuse_item(kind: LedgerSheet, row: Row, report: Report) -> bool:
    number, serial = item_key(row)
    unknown = f"Licence {number[:64]} has no import item {serial}: import the licence first, or correct it."
    report.refuse([kind.error(row, "serial", unknown)])
    return False
