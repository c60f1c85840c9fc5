"""What people look for among licences: states, searches and totals."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from licensing.balances import money
from licensing.models import Allotment, AllotmentItem, BillOfEntry, BOERow, License

TOLD_AHEAD = 90  # days before its expiry from which people are told of a licence
STATES = {
    "usable": _("Usable"),
    "attention": _("Need attention"),
    "expiring-30": _("Expiring in 30 days"),
    "expiring-60": _("Expiring in 60 days"),
    "expiring-90": _("Expiring in 90 days"),
    "null": _("Null balance"),
    "expired": _("Expired"),
    "overdrawn": _("Overdrawn"),
}


@dataclass(frozen=True)
class Totals:
    """Of the licences that were found (US dollars)."""

    count: int
    balance: Decimal
    overdrawn: Decimal


def state_condition(state: str, today: date) -> Q:
    """The licences of a state; a day's expiry is counted in India."""
    if state.startswith("expiring-"):
        days = int(state.removeprefix("expiring-"))
        return Q(expiry_date__gte=today, expiry_date__lte=today + timedelta(days=days))
    return {
        "usable": usable(today),
        "attention": usable(today) & (expiring(today) | is_low()),
        "null": Q(is_null=True),
        "expired": expired(today),
        "overdrawn": Q(overdrawn_cif__gt=0),
    }[state]


def usable(today: date) -> Q:
    """What may be allotted from: active, not expired, with a balance worth the name."""
    return Q(is_active=True, is_null=False) & ~expired(today)


def expiring(today: date) -> Q:
    """So soon that people are told."""
    return Q(expiry_date__lte=today + timedelta(days=TOLD_AHEAD))


def is_low() -> Q:
    """So little is left that people are told."""
    return Q(balance_cif__lt=settings.LICENCE_LOW_BELOW_USD)


def expired(today: date) -> Q:
    """By its date, whether the night's sync has seen it or not; without a date as it is marked."""
    return Q(expiry_date__lt=today) | Q(expiry_date=None, is_expired=True)


def search(
    found: QuerySet[License], today: date, *, q: str = "", state: str = "", exporter: str = ""
) -> QuerySet[License]:
    """Licences by state, exporter, and text in number, exporter, port or an item's HS code."""
    if state:
        found = found.filter(state_condition(state, today))
    if exporter:
        found = found.filter(exporter__iexact=exporter)
    if text := q.strip():
        found = found.filter(
            Q(license_number__icontains=text)
            | Q(exporter__icontains=text)
            | Q(port__iexact=text)
            | Q(pk__in=License.objects.filter(import_items__hs_code__startswith=text).values("pk"))
        )
    return found


def search_allotments(q: str = "", *, only_open: bool = False) -> QuerySet[Allotment]:
    """By a part of the company, invoice, HS code or a licence's number; open: the goods have not come in."""
    found = Allotment.objects.filter(boe_allotments=None) if only_open else Allotment.objects.all()
    if text := q.strip():
        of_licence = AllotmentItem.objects.filter(item__license__license_number__icontains=text)
        found = found.filter(
            Q(company__icontains=text)
            | Q(invoice__icontains=text)
            | Q(hs_code__startswith=text)
            | Q(pk__in=of_licence.values("allotment"))
        )
    return found


def search_boes(q: str = "") -> QuerySet[BillOfEntry]:
    """By a part of the number, the company or a licence's number."""
    found = BillOfEntry.objects.all()
    if text := q.strip():
        of_licence = BOERow.objects.filter(item__license__license_number__icontains=text)
        found = found.filter(
            Q(number__icontains=text)
            | Q(company__icontains=text)
            | Q(pk__in=of_licence.values("bill_of_entry"))
        )
    return found


def totals(found: QuerySet[License]) -> Totals:
    sums = found.order_by().aggregate(
        count=Count("pk"), balance=Sum("balance_cif"), overdrawn=Sum("overdrawn_cif")
    )
    return Totals(sums["count"], money(sums["balance"] or Decimal(0)), money(sums["overdrawn"] or Decimal(0)))


def figures(today: date) -> dict[str, int]:
    """How many licences are in each state, in one statement."""
    return License.objects.aggregate(
        **{
            state.replace("-", "_"): Count("pk", filter=state_condition(state, today))
            for state in ("usable", "expiring-30", "null", "expired", "overdrawn")
        }
    )
