"""A licence's ledger as people read it: credits, debits and allotments by date, with a running balance."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from licensing.balances import INDIA, ZERO, day_in_india
from licensing.models import AllotmentItem, BOERow, License, TransactionType

CREDIT, DEBIT, ALLOTMENT, NOTE = "credit", "debit", "allotment", "note"
ORDER = (CREDIT, NOTE, DEBIT, ALLOTMENT)  # on the same day


@dataclass(frozen=True)
class Line:
    """One entry; `amount` is what it adds to the balance (USD), below zero for what it takes."""

    day: date
    kind: str
    text: str
    url: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    amount: Decimal = ZERO
    told: Decimal = ZERO  # what a note tells without counting
    balance: Decimal = ZERO

    @property
    def credit(self) -> Decimal | None:
        return self.amount if self.kind == CREDIT else None

    @property
    def taken(self) -> Decimal | None:
        return -self.amount if self.kind in (DEBIT, ALLOTMENT) else None


def statement(licence: License) -> list[Line]:
    """Every entry in the order of its date; the last balance is the licence's, below zero where overdrawn."""
    lines = sorted(entries(licence), key=lambda line: (line.day, ORDER.index(line.kind)))
    balance = ZERO
    told = []
    for line in lines:
        balance += line.amount
        told.append(replace(line, balance=balance))
    return told


def entries(licence: License) -> Iterator[Line]:
    first_day = licence.license_date or day_in_india(licence.created_at)
    for export in licence.export_items.all():
        text = f"Export: {export.description}" if export.description else "Export"
        yield Line(first_day, CREDIT, text, "", export.quantity or None, export.unit, export.cif_fc)
    rows = BOERow.objects.filter(item__license=licence).select_related("bill_of_entry", "item")
    for row in rows.order_by("pk"):
        yield boe_line(row)
    reserved = AllotmentItem.objects.filter(
        item__license=licence, allotment__boe_allotments=None
    ).select_related("allotment", "item")
    for each in reserved.order_by("pk"):
        yield reservation_line(each)


def boe_line(row: BOERow) -> Line:
    boe = row.bill_of_entry
    text = f"{boe}, item {row.item.serial}"
    facts: dict[str, Any] = {"url": boe.get_absolute_url(), "quantity": row.qty, "unit": row.item.unit}
    if row.transaction_type == TransactionType.CREDIT:
        return Line(boe.date, NOTE, f"{text}: credit row, in the credit already", told=row.cif_fc, **facts)
    return Line(boe.date, DEBIT, text, amount=-row.cif_fc, **facts)


def reservation_line(each: AllotmentItem) -> Line:
    allotment = each.allotment
    return Line(
        day_in_india(allotment.created_at),
        ALLOTMENT,
        f"{allotment}, item {each.item.serial}",
        allotment.get_absolute_url(),
        each.qty,
        each.item.unit,
        -each.cif_fc,
    )


def balance_over_time(lines: list[Line], today: date) -> list[list[float]]:
    """For the chart: the seconds since 1970 of each day with an entry and of today, and its last balance."""
    days = {line.day: float(line.balance) for line in lines}
    if days and max(days) < today:
        days[today] = float(lines[-1].balance)
    return [[midnight(day) for day in days], list(days.values())]


def midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=INDIA).timestamp()
