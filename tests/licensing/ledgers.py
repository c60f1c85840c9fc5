"""Random ledgers for hypothesis, the same in the database and in the formulas."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from licensing.balances import Entry, ItemLedger, Reservation, allotted, available, debited, licence_balance
from licensing.balances_sql import ItemFigures, LicenceFigures
from licensing.ledger import changes
from licensing.models import (
    Allotment,
    AllotmentItem,
    BillOfEntry,
    BOEAllotment,
    BOERow,
    ExportItem,
    ImportItem,
    License,
)

TODAY = date(2026, 11, 22)


def amounts(most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(0, Decimal(most), places=places, allow_nan=False)


MONEY = amounts("99999.99", 2) | st.sampled_from(
    [Decimal(0), Decimal("0.01"), Decimal("9999999999999.99") / 4096]
)
QUANTITY = amounts("9999.999", 3)


@dataclass
class Line:
    """One import item with what happens to it."""

    quantity: Decimal
    is_restricted: bool
    percentage: Decimal | None
    norm: str
    entries: list[tuple[str, Decimal, Decimal]] = field(default_factory=list)
    reservations: list[tuple[Decimal, Decimal, bool]] = field(default_factory=list)


@dataclass
class Ledger:
    exports: list[Decimal]
    lines: list[Line]
    expiry: date | None
    was_expired: bool


lines = st.builds(
    Line,
    quantity=QUANTITY,
    is_restricted=st.booleans(),
    percentage=st.none() | st.sampled_from([Decimal("0"), Decimal("3"), Decimal("12.5"), Decimal("33.33")]),
    norm=st.sampled_from(["", "E1", "E5"]),
    entries=st.lists(st.tuples(st.sampled_from("CD"), QUANTITY, MONEY), max_size=3),
    reservations=st.lists(st.tuples(QUANTITY, MONEY, st.booleans()), max_size=3),
)
ledgers = st.builds(
    Ledger,
    exports=st.lists(MONEY.map(lambda amount: amount.quantize(Decimal("0.01"))), max_size=3),
    lines=st.lists(lines, max_size=4),
    expiry=st.none() | st.integers(-2, 2).map(lambda days: TODAY + timedelta(days=days)),
    was_expired=st.booleans(),
)


def store(ledger: Ledger, number: str) -> License:
    """Write a ledger as plain rows, in bulk and in one block of changes."""
    with changes():
        return rows_of(ledger, number)


def rows_of(ledger: Ledger, number: str) -> License:
    licence = License.objects.create(
        license_number=number, expiry_date=ledger.expiry, is_expired=ledger.was_expired
    )
    ExportItem.objects.bulk_create(ExportItem(license=licence, cif_fc=credit) for credit in ledger.exports)
    items = ImportItem.objects.bulk_create(
        ImportItem(
            license=licence,
            serial=serial,
            quantity=line.quantity,
            is_restricted=line.is_restricted,
            restriction_percentage=line.percentage,
            norm_class=line.norm,
        )
        for serial, line in enumerate(ledger.lines, start=1)
    )
    boe = BillOfEntry.objects.create(number=number, date=TODAY)
    BOERow.objects.bulk_create(
        BOERow(bill_of_entry=boe, item=item, transaction_type=kind, qty=quantity, cif_fc=cents(value))
        for item, line in zip(items, ledger.lines, strict=True)
        for kind, quantity, value in line.entries
    )
    reserve(boe, items, ledger)
    return licence


def reserve(boe: BillOfEntry, items: list[ImportItem], ledger: Ledger) -> None:
    wanted = [
        (item, reservation)
        for item, line in zip(items, ledger.lines, strict=True)
        for reservation in line.reservations
    ]
    made = Allotment.objects.bulk_create(Allotment(company="A") for _ in wanted)
    AllotmentItem.objects.bulk_create(
        AllotmentItem(allotment=allotment, item=item, qty=quantity, cif_fc=cents(value))
        for allotment, (item, (quantity, value, _)) in zip(made, wanted, strict=True)
    )
    BOEAllotment.objects.bulk_create(
        BOEAllotment(bill_of_entry=boe, allotment=allotment)
        for allotment, (_, (_, _, has_boe)) in zip(made, wanted, strict=True)
        if has_boe
    )


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"))


def expected(ledger: Ledger) -> tuple[LicenceFigures, list[ItemFigures]]:
    """By the pure formulas."""
    items = [
        ItemLedger(
            line.quantity,
            line.is_restricted,
            line.percentage,
            line.norm,
            debited(Entry(kind, quantity, cents(value)) for kind, quantity, value in line.entries),
            allotted(Reservation(quantity, cents(value), boe) for quantity, value, boe in line.reservations),
        )
        for line in ledger.lines
    ]
    credit = sum(ledger.exports, Decimal(0))
    balance = licence_balance(credit, items)
    expired = ledger.was_expired if ledger.expiry is None else ledger.expiry < TODAY
    licence = LicenceFigures(balance.balance, balance.overdrawn, balance.is_null(Decimal(500)), expired)
    left = available(credit, items)
    return licence, [
        ItemFigures(each.quantity, each.value, *item.debited, *item.allotted)
        for item, each in zip(items, left, strict=True)
    ]


def figures(licence: License) -> tuple[LicenceFigures, list[ItemFigures]]:
    """As they are stored."""
    licence.refresh_from_db()
    own = LicenceFigures(*(getattr(licence, name) for name in LicenceFigures._fields))
    items = licence.import_items.order_by("serial")
    return own, [ItemFigures(*(getattr(item, name) for name in ItemFigures._fields)) for item in items]
