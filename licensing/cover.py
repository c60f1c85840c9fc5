"""Which licences cover this quantity of this HS code? Those that expire first are used first."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_DOWN, Decimal

from django.db.models import F, Q, QuerySet

from licensing.balances import GRAM, ZERO, Pool, money
from licensing.models import ImportItem, License
from licensing.queries import expired

MOST = 1000  # items that are looked at
SPARE = 10  # further ones that are shown once everything is covered


@dataclass(frozen=True)
class Offer:
    """An import item, what it could give, and what of it would be taken."""

    item: ImportItem
    usable: Decimal  # in the item's unit
    take: Decimal
    value: Decimal  # US dollars of what is taken; 0 where no unit value was given
    is_enough: bool  # it covers everything alone


@dataclass
class Cover:
    wanted: Decimal
    offers: list[Offer] = field(default_factory=list)

    @property
    def covered(self) -> Decimal:
        return sum((offer.take for offer in self.offers), ZERO)

    @property
    def missing(self) -> Decimal:
        return self.wanted - self.covered

    @property
    def unit(self) -> str:
        """Of its first offer; those of covers() have one alone."""
        return self.offers[0].item.unit if self.offers else ""


def cover(
    hs_code: str, quantity: Decimal, today: date, *, unit_value: Decimal = ZERO, unit: str = ""
) -> Cover:
    """Items whose HS code begins so, of licences that may be used, and how much to take of each.

    With the value of one unit (USD), no more is taken than the item's and its licence's dollars pay for.
    """
    return cover_by(usable_items(hs_code, today, unit), quantity, unit_value)


def covers(
    hs_code: str, quantity: Decimal, today: date, *, unit_value: Decimal = ZERO, unit: str = ""
) -> list[Cover]:
    """The same for each unit by itself: kilograms and pieces cannot be added together."""
    by_unit: dict[str, list[ImportItem]] = {}
    for item in usable_items(hs_code, today, unit):
        by_unit.setdefault(item.unit.strip().casefold(), []).append(item)
    found = [cover_by(items, quantity, unit_value) for items in by_unit.values()]
    return [each for each in found if each.offers]


def cover_by(items: Iterable[ImportItem], quantity: Decimal, unit_value: Decimal) -> Cover:
    found = Cover(quantity)
    purses = Purses()
    spare = 0
    for item in items:
        usable = purses.usable(item, unit_value)
        if usable <= 0:
            continue
        take = min(usable, found.missing)
        spare += take == 0
        if spare > SPARE:
            break
        value = money(take * unit_value)
        purses.pay(item, value)
        found.offers.append(Offer(item, usable, take, value, usable >= quantity))
    return found


def usable_items(hs_code: str, today: date, unit: str) -> QuerySet[ImportItem]:
    usable = ImportItem.objects.filter(
        ~Q(license__in=License.objects.filter(expired(today)).values("pk")),
        hs_code__startswith=hs_code,
        license__is_active=True,
        license__is_null=False,
        available_quantity__gt=0,
        available_value__gt=0,
    )
    if unit:
        usable = usable.filter(unit__iexact=unit)
    soonest = F("license__expiry_date").asc(nulls_last=True)
    return usable.select_related("license").order_by(soonest, "license", "serial")[:MOST]


class Purses:
    """What is left of licences and of their restricted pools while items are taken one after the other."""

    def __init__(self) -> None:
        self.paid: defaultdict[int | tuple[int, Pool], Decimal] = defaultdict(lambda: ZERO)

    def usable(self, item: ImportItem, unit_value: Decimal) -> Decimal:
        quantity: Decimal = item.available_quantity
        if unit_value <= 0:
            return quantity
        left = min(
            item.license.balance_cif - self.paid[item.license_id],
            item.available_value - self.paid[self.pool(item)],
        )
        affordable: Decimal = (max(ZERO, left) / unit_value).quantize(GRAM, ROUND_DOWN)
        return min(quantity, affordable)

    def pay(self, item: ImportItem, value: Decimal) -> None:
        self.paid[item.license_id] += value
        if (pool := self.pool(item)) != item.license_id:
            self.paid[pool] += value

    def pool(self, item: ImportItem) -> int | tuple[int, Pool]:
        if item.is_restricted and item.restriction_percentage is not None:
            return item.license_id, Pool(item.norm_class, item.restriction_percentage)
        return item.license_id
