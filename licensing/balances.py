"""The formulas of a licence's balances, on Decimal, without a database.

    credit   = what the exports of the licence earned
    debit    = what customs took: the rows of type D of its bills of entry (BOEs)
    allotted = what is reserved, as long as no BOE is attached to the allotment
    balance  = credit − debit − allotted, never below zero; what is below zero is told as overdrawn

`balances_sql` does the same for many licences in one statement; tests hold the two together.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

INDIA = ZoneInfo("Asia/Kolkata")  # licences live by it, wherever operations are
ZERO = Decimal(0)
CENT = Decimal("0.01")
GRAM = Decimal("0.001")
CREDIT, DEBIT = "C", "D"  # types of a BOE's row


class Sums(NamedTuple):
    """Quantity (in the item's unit) and CIF value (USD) together."""

    quantity: Decimal = ZERO
    value: Decimal = ZERO


NOTHING = Sums()


class Entry(NamedTuple):
    """A row of a bill of entry."""

    transaction_type: str
    quantity: Decimal
    value: Decimal


class Reservation(NamedTuple):
    """An item of an allotment, and whether a BOE is attached to the allotment."""

    quantity: Decimal
    value: Decimal
    has_boe: bool


class Pool(NamedTuple):
    """Restricted items of one licence that share a limit."""

    norm_class: str
    percentage: Decimal


@dataclass(frozen=True)
class ItemLedger:
    """One import item and what was taken from it."""

    quantity: Decimal
    is_restricted: bool = False
    percentage: Decimal | None = None
    norm_class: str = ""
    debited: Sums = NOTHING
    allotted: Sums = NOTHING

    @property
    def pool(self) -> Pool | None:
        return None if self.percentage is None else Pool(self.norm_class, self.percentage)

    @property
    def is_limited(self) -> bool:
        return self.is_restricted and self.percentage is not None


@dataclass(frozen=True)
class Balance:
    """What is left of a licence (USD)."""

    credit: Decimal
    debit: Decimal
    allotted: Decimal

    @property
    def unclamped(self) -> Decimal:
        return self.credit - self.debit - self.allotted

    @property
    def balance(self) -> Decimal:
        return max(ZERO, self.unclamped)

    @property
    def overdrawn(self) -> Decimal:
        return max(ZERO, -self.unclamped)

    def is_null(self, below: Decimal) -> bool:
        return self.balance < below


def debited(entries: Iterable[Entry]) -> Sums:
    """What customs took; a credit row (type C) is already in the licence's credit and counts for nothing."""
    return total(Sums(entry.quantity, entry.value) for entry in entries if entry.transaction_type == DEBIT)


def allotted(reservations: Iterable[Reservation]) -> Sums:
    """What is reserved; once a BOE is attached, its rows count in the reservation's place."""
    return total(Sums(each.quantity, each.value) for each in reservations if not each.has_boe)


def total(sums: Iterable[Sums]) -> Sums:
    quantity = value = ZERO
    for each in sums:
        quantity, value = quantity + each.quantity, value + each.value
    return Sums(quantity.quantize(GRAM, ROUND_HALF_UP), money(value))


def licence_balance(credit: Decimal, items: Iterable[ItemLedger]) -> Balance:
    known = list(items)
    return Balance(
        credit=money(credit),
        debit=total(item.debited for item in known).value,
        allotted=total(item.allotted for item in known).value,
    )


def available(credit: Decimal, items: Sequence[ItemLedger]) -> list[Sums]:
    """What may still be taken from each item of a licence, in the order of the items."""
    balance = licence_balance(credit, items).balance
    used: defaultdict[Pool | None, Decimal] = defaultdict(Decimal)
    for item in items:
        used[item.pool] += item.debited.value + item.allotted.value

    def value_of(item: ItemLedger) -> Decimal:
        if not item.is_limited:
            return balance
        return max(ZERO, min(balance, share(credit, item.percentage or ZERO) - used[item.pool]))

    return [Sums(available_quantity(item), value_of(item)) for item in items]


def available_quantity(item: ItemLedger) -> Decimal:
    return max(ZERO, item.quantity - item.debited.quantity - item.allotted.quantity)


def share(credit: Decimal, percentage: Decimal) -> Decimal:
    """The part of a licence's credit that restricted items may use."""
    return money(credit * percentage / 100)


def is_expired(expiry_date: date | None, today: date, before: bool = False) -> bool:
    """A licence is good until the end of its expiry date; without one, nothing changes."""
    return before if expiry_date is None else expiry_date < today


def day_in_india(at: datetime) -> date:
    """The day of a moment in India: at 18:30 UTC the next one begins."""
    return at.astimezone(INDIA).date()


def money(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
