"""What is doubtful in the data of licences, with what to do about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from licensing.models import Allotment, AllotmentItem, BillOfEntry, ImportItem, License
from licensing.queries import expired

SHOWN = 20


@dataclass(frozen=True)
class Check:
    name: str
    title: Any
    cure: Any
    find: Callable[[date], QuerySet[Any]]
    words: Callable[[Any], str]
    licence: Callable[[Any], Any]  # what the entry links to


@dataclass(frozen=True)
class Entry:
    words: str
    url: str


@dataclass(frozen=True)
class Finding:
    check: Check
    count: int
    entries: list[Entry]


def findings(today: date) -> list[Finding]:
    """The checks that found something, each with its first entries."""
    found = []
    for check in CHECKS:
        if count := check.find(today).count():
            entries = [
                Entry(check.words(each), check.licence(each).get_absolute_url())
                for each in first(check, today)
            ]
            found.append(Finding(check, count, entries))
    return found


def first(check: Check, today: date) -> Iterable[Any]:
    return check.find(today).order_by("pk")[:SHOWN]


def itself(each: Any) -> Any:
    return each


def items(**conditions: Any) -> QuerySet[ImportItem]:
    return ImportItem.objects.select_related("license").filter(**conditions)


CHECKS = (
    Check(
        "overdrawn",
        _("Overdrawn licences"),
        _("Customs debited or you allotted more than the credit: look for a row typed twice or too large."),
        lambda today: License.objects.filter(overdrawn_cif__gt=0),
        lambda licence: f"{licence}: {licence.overdrawn_cif:,.2f} USD",
        itself,
    ),
    Check(
        "over-quantity",
        _("Items with more taken than they hold"),
        _("Compare the item's quantity with the licence, and its rows with the bills of entry."),
        lambda today: items().filter(quantity__lt=F("debited_quantity") + F("allotted_quantity")),
        lambda item: f"{item}: {item.over_quantity:,.3f} {item.unit}",
        lambda item: item.license,
    ),
    Check(
        "no-credit",
        _("Licences without credit"),
        _("Enter the export items with their CIF value."),
        lambda today: License.objects.exclude(export_items__cif_fc__gt=0),
        str,
        itself,
    ),
    Check(
        "no-expiry",
        _("Licences without an expiry date"),
        _("Enter the date: without one a licence never expires here."),
        lambda today: License.objects.filter(expiry_date=None, is_active=True),
        str,
        itself,
    ),
    Check(
        "no-items",
        _("Licences without import items"),
        _("Enter the goods that may be imported: nothing can be allotted without them."),
        lambda today: License.objects.filter(import_items=None),
        str,
        itself,
    ),
    Check(
        "no-hs-code",
        _("Import items without an HS code"),
        _("Enter the code: the search for cover passes them over."),
        lambda today: items(hs_code=""),
        str,
        lambda item: item.license,
    ),
    Check(
        "no-percentage",
        _("Restricted items without a percentage"),
        _("Enter the percentage: until then they may use the whole balance."),
        lambda today: items(is_restricted=True, restriction_percentage=None),
        str,
        lambda item: item.license,
    ),
    Check(
        "expired-allotment",
        _("Reserved on expired licences"),
        _("Book the bill of entry, or release the allotment and reserve on another licence."),
        lambda today: AllotmentItem.objects.select_related("allotment", "item__license").filter(
            allotment__boe_allotments=None,
            item__license__in=License.objects.filter(expired(today)).values("pk"),
        ),
        lambda each: f"{each.item}: {each.cif_fc:,.2f} USD by {each.allotment}",
        lambda each: each.allotment,
    ),
    Check(
        "empty-allotment",
        _("Allotments that reserve nothing"),
        _("Delete them, or reserve anew."),
        lambda today: Allotment.objects.filter(items=None),
        str,
        itself,
    ),
    Check(
        "empty-boe",
        _("Bills of entry without rows"),
        _("Enter what customs debited: attached allotments do not count any more."),
        lambda today: BillOfEntry.objects.filter(rows=None),
        str,
        itself,
    ),
    Check(
        "stale",
        _("Figures that wait for their job"),
        _("A large change is being worked out. If this stays, see whether a cluster runs."),
        lambda today: License.objects.filter(is_stale=True),
        str,
        itself,
    ),
)
