"""Reserve credit of licences, and book what customs debited: never more than there is.

The licences are locked first and worked out under the lock, so of two who ask for the last dollar the second
sees what the first has taken, and is told.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch

from ims.accounts.models import User
from licensing import ledger, recalculation
from licensing.balances import ItemLedger, Sums, available, money, share
from licensing.balances_sql import MOST, MOST_QUANTITY
from licensing.lines import Line, Refused
from licensing.models import (
    Allotment,
    AllotmentItem,
    BillOfEntry,
    BOEAllotment,
    BOERow,
    ImportItem,
    License,
    TransactionType,
)


def allot(lines: Sequence[Line], user: User | None, today: date, **facts: Any) -> Allotment:
    """Reserve; `facts` are fields of the allotment, its company above all. Raises Refused."""
    if not lines:
        raise Refused("items", "Give at least one import item with its quantity and CIF value.")
    with ledger.changes(user) as block:
        block.take(licences_of(lines))
        desk = Desk(block.touched, today)
        totals = {"required_quantity": Decimal(0), "cif_fc": Decimal(0)}
        for place, line in enumerate(lines):
            desk.refuse_closed(f"items.{place}.item", line)
            desk.take(f"items.{place}", line)
            totals["required_quantity"] += line.qty
            totals["cif_fc"] += line.cif_fc
            refuse_too_much(f"items.{place}", totals["required_quantity"], totals["cif_fc"])
        made = Allotment.objects.create(**{**totals, **facts})
        AllotmentItem.objects.bulk_create(
            AllotmentItem(allotment=made, item_id=line.item_id, qty=line.qty, cif_fc=line.cif_fc)
            for line in lines
        )
    return made


def release(allotment: Allotment, user: User | None) -> None:
    """Give a reservation back. Raises Refused once its goods came in."""
    with ledger.changes(user) as block:
        block.take(licences_reserved_by([allotment]))
        if boe := boe_of(allotment):
            raise Refused("allotment", f"{boe} is attached to it: its goods came in. Detach it there first.")
        allotment.delete()


def book(
    lines: Sequence[Line] | None,
    allotment_ids: Collection[int],
    user: User | None,
    today: date,
    *,
    number: str,
    date: date,
    port: str = "",
    **facts: Any,
) -> BillOfEntry:
    """Book a bill of entry, new or known, and attach allotments: from now on its rows count in their place.

    Without lines it debits what the allotments reserved. Raises Refused, and nothing is written.
    """
    with ledger.changes(user) as block:
        allotments = known_allotments(allotment_ids)
        wanted = reserved_by(allotments) if lines is None else list(lines)
        block.take(licences_of(wanted) | licences_reserved_by(allotments))
        allotments = known_allotments(allotment_ids)  # one may have been released while we waited
        refuse_attached(allotments)
        boe, _ = BillOfEntry.objects.get_or_create(number=number, date=date, port=port, defaults=facts)
        refuse_known(boe, lines or ())
        BOEAllotment.objects.bulk_create(
            BOEAllotment(bill_of_entry=boe, allotment=allotment) for allotment in allotments
        )
        if lines is None:
            wanted = without_known(boe, wanted)
        if not wanted and not allotments:
            raise Refused("rows", "Give at least one row, or an allotment whose goods came in.")
        desk = Desk(block.touched, today)
        for place, line in enumerate(wanted):
            if line.transaction_type == TransactionType.DEBIT:
                desk.take(f"rows.{place}", line)
        rows = [row_of(boe, line) for line in wanted]
        for place, row in enumerate(rows):
            refuse_rupees(f"rows.{place}.cif_inr", row)
        BOERow.objects.bulk_create(rows)
    return boe


def check_correction(row: BOERow, values: Mapping[str, Any], user: User | None, today: date) -> None:
    """Within the block of changes that corrects a row: it may not take more than there is without it.

    Raises Refused. What takes less is let through, also where the licence stays overdrawn.
    """
    with ledger.changes(user) as block:
        wanted = {
            name: values.get(name, getattr(row, name)) for name in ("qty", "cif_fc", "transaction_type")
        }
        new = Line(values.get("item", row.item).pk, **wanted)
        block.take(licences_of([new]) | {row.item.license_id})
        old = BOERow.objects.get(pk=row.pk)
        if not takes_more(old, new):
            return
        desk = Desk(block.touched, today)
        desk.give_back(old)
        desk.take("row", new)


def takes_more(old: BOERow, new: Line) -> bool:
    if new.transaction_type != TransactionType.DEBIT:
        return False
    is_other = old.transaction_type != TransactionType.DEBIT or old.item_id != new.item_id
    return is_other or new.qty > old.qty or new.cif_fc > old.cif_fc


# --- What there is --------------------------------------------------------------------------------------


class Desk:
    """The locked licences as they are now, and less with every line that is taken."""

    def __init__(self, licence_ids: Collection[int], today: date) -> None:
        recalculation.recalculate(licence_ids, today)
        found = License.objects.filter(pk__in=licence_ids).prefetch_related(
            Prefetch("import_items", ImportItem.objects.order_by("serial"))
        )
        self.licences = {licence.pk: licence for licence in found}
        self.items = {item.pk: item for licence in found for item in licence.import_items.all()}
        self.ledgers = {pk: ledger_of(item) for pk, item in self.items.items()}
        self.credits = {pk: self.credit_of(licence) for pk, licence in self.licences.items()}

    def credit_of(self, licence: License) -> Decimal:
        used = sum(
            (item.debited_value + item.allotted_value for item in licence.import_items.all()), Decimal(0)
        )
        credit: Decimal = licence.balance_cif - licence.overdrawn_cif + used
        return credit

    def refuse_closed(self, field: str, line: Line) -> None:
        licence = self.licences[self.item(field, line).license_id]
        if licence.is_expired:
            raise Refused(field, f"Licence {licence} expired on {licence.expiry_date}: choose another.")
        if not licence.is_active:
            raise Refused(field, f"Licence {licence} is not active: choose another, or activate it.")

    def item(self, field: str, line: Line) -> ImportItem:
        if line.item_id not in self.items:
            raise Refused(field, f"There is no import item {line.item_id}: look at the licence's items.")
        return self.items[line.item_id]

    def take(self, field: str, line: Line) -> None:
        item = self.item(f"{field}.item", line)
        if line.qty <= 0 and line.cif_fc <= 0:
            raise Refused(f"{field}.qty", "Give a quantity or a CIF value above 0.")
        left = self.left(item)
        if line.qty > left.quantity:
            has = f"{item.license} item {item.serial} has {left.quantity:,.3f} {item.unit} left"
            raise Refused(f"{field}.qty", f"{has}, not {line.qty:,.3f}: take less, or another licence.")
        if line.cif_fc > left.value:
            has = f"{item.license} item {item.serial} has {left.value:,.2f} USD left"
            why = self.limit_of(item, left.value)
            raise Refused(
                f"{field}.cif_fc", f"{has}{why}, not {line.cif_fc:,.2f}: take less, or another licence."
            )
        own = self.ledgers[item.pk]
        taken = Sums(own.allotted.quantity + line.qty, own.allotted.value + line.cif_fc)
        self.ledgers[item.pk] = replace(own, allotted=taken)

    def give_back(self, row: BOERow) -> None:
        """As if this row were not there."""
        if row.transaction_type == TransactionType.DEBIT:
            own = self.ledgers[row.item_id]
            rest = Sums(own.debited.quantity - row.qty, own.debited.value - row.cif_fc)
            self.ledgers[row.item_id] = replace(own, debited=rest)

    def left(self, item: ImportItem) -> Sums:
        siblings = [each for each in self.items.values() if each.license_id == item.license_id]
        lefts = available(self.credits[item.license_id], [self.ledgers[each.pk] for each in siblings])
        return lefts[siblings.index(item)]

    def limit_of(self, item: ImportItem, left: Decimal) -> str:
        """Why an item has less than its licence."""
        own = self.ledgers[item.pk]
        if not own.is_limited or own.percentage is None:
            return ""
        limit = share(self.credits[item.license_id], own.percentage)
        return f" (its norm may use {own.percentage.normalize():f} % of the credit, {limit:,.2f} USD)"


def ledger_of(item: ImportItem) -> ItemLedger:
    return ItemLedger(
        item.quantity,
        item.is_restricted,
        item.restriction_percentage,
        item.norm_class,
        Sums(item.debited_quantity, item.debited_value),
        Sums(item.allotted_quantity, item.allotted_value),
    )


# --- What was asked for ---------------------------------------------------------------------------------


def licences_of(lines: Iterable[Line]) -> set[int]:
    items = ImportItem.objects.filter(pk__in={line.item_id for line in lines})
    return set(items.values_list("license_id", flat=True))


def known_allotments(ids: Collection[int]) -> list[Allotment]:
    found = Allotment.objects.prefetch_related("items__item").in_bulk(ids)
    for pk in ids:
        if pk not in found:
            raise Refused("allotments", f"There is no allotment {pk}: look at the list of allotments.")
    return [found[pk] for pk in dict.fromkeys(ids)]


def licences_reserved_by(allotments: Collection[Allotment]) -> set[int]:
    items = ImportItem.objects.filter(allotment_items__allotment__in=allotments)
    return set(items.values_list("license_id", flat=True))


def boe_of(allotment: Allotment) -> BillOfEntry | None:
    """Asked of the database under the lock, whatever was fetched before: another may just have booked it."""
    return BillOfEntry.objects.filter(allotments=allotment).first()


def refuse_attached(allotments: Iterable[Allotment]) -> None:
    for allotment in allotments:
        if boe := boe_of(allotment):
            raise Refused("allotments", f"Allotment {allotment.pk} is on {boe} already.")


def reserved_by(allotments: Iterable[Allotment]) -> list[Line]:
    return [
        Line(each.item_id, each.qty, each.cif_fc)
        for allotment in allotments
        for each in allotment.items.all()
    ]


def without_known(boe: BillOfEntry, lines: Iterable[Line]) -> list[Line]:
    """What the bill of entry debits already is not debited again."""
    known = set(boe.rows.filter(transaction_type=TransactionType.DEBIT).values_list("item_id", flat=True))
    return [line for line in lines if line.item_id not in known]


def refuse_known(boe: BillOfEntry, lines: Collection[Line]) -> None:
    """The same bill entered once more would debit twice; one more of an equal row is a larger row."""
    known = set(boe.rows.values_list("item_id", "qty", "cif_fc", "transaction_type"))
    if lines and all((line.item_id, line.qty, line.cif_fc, line.transaction_type) in known for line in lines):
        raise Refused("rows", f"{boe} has these rows already: look at it, and correct them there.")


def refuse_too_much(field: str, quantity: Decimal, cif_fc: Decimal) -> None:
    """Lines may each be right, and all of them together more than an allotment can hold."""
    for name, total, most in (("qty", quantity, MOST_QUANTITY), ("cif_fc", cif_fc, MOST)):
        if total >= most:
            held = f"The allotment would be of {total:,} in all, more than IMS can hold"
            raise Refused(f"{field}.{name}", f"{held}: make it two allotments.")


def refuse_rupees(field: str, row: BOERow) -> None:
    """Dollars and rate may each be right, and their product more than a row can hold."""
    if row.cif_inr >= MOST:
        raise Refused(field, f"CIF in rupees would be {row.cif_inr:,}: correct the exchange rate.")


def row_of(boe: BillOfEntry, line: Line) -> BOERow:
    rupees = money(line.cif_fc * boe.exchange_rate) if line.cif_inr is None else line.cif_inr
    return BOERow(
        bill_of_entry=boe,
        item_id=line.item_id,
        transaction_type=line.transaction_type,
        qty=line.qty,
        cif_fc=line.cif_fc,
        cif_inr=rupees,
    )
