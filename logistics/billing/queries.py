"""What is asked of invoices: filters, order and totals, alike for pages, REST and spreadsheets."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Case, Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Sum, Value, When
from django.utils.translation import gettext_lazy as _

from ims.lib.ids import read_id
from ims.lib.local_time import local_day
from logistics.billing import mails
from logistics.billing.models import UNPAID, Invoice, InvoiceMail, InvoiceStatus
from logistics.billing.pricing import cents

STATES = {
    "open": _("Not paid"),
    "overdue": _("Overdue"),
    "pending": _("Pending"),
    "soon": _("Due in 7 days"),
    "part": _("Paid in part"),
    "paid": _("Paid"),
    "void": _("Void"),
    "mail": _("Trouble with the mail"),
}
URGENCY = Case(
    When(status=InvoiceStatus.OVERDUE, then=Value(0)),
    When(status=InvoiceStatus.PENDING, then=Value(1)),
    When(status=InvoiceStatus.PAID, then=Value(2)),
    default=Value(3),
)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Total:
    """Of the invoices found that are not void, in one currency."""

    currency: str
    count: int
    total: Decimal
    paid: Decimal

    @property
    def due(self) -> Decimal:
        return self.total - self.paid


def whole(rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """With everything that a list or a page shows of each."""
    sent = Prefetch("mails", InvoiceMail.objects.select_related("letter", "asked_by"))
    related = rows.select_related("company", "contract", "patient", "trip", "replaces", "replaced_by")
    return related.prefetch_related(sent, "payments")


def search(
    rows: QuerySet[Invoice],
    at: datetime,
    *,
    q: str = "",
    status: str = "",
    since: date | None = None,
    until: date | None = None,
    trip: int | None = None,
) -> QuerySet[Invoice]:
    """By state, day of issue, trip, and text in number or payer; a whole number is a trip's, too."""
    if status:
        rows = rows.filter(state_condition(status, at))
    if since:
        rows = rows.filter(issued_on__gte=since)
    if until:
        rows = rows.filter(issued_on__lte=until)
    if trip:
        rows = rows.filter(trip=trip)
    if text := q.strip():
        wanted = Q(invoice_number__icontains=text) | Q(payer_name__icontains=text)
        if number := read_id(text):
            wanted |= Q(trip=number)
        rows = rows.filter(wanted)
    return rows


def state_condition(status: str, at: datetime) -> Q:
    """Trouble is asked of the newest mail of what is not paid: one that came right afterwards is over."""
    if status == "open":
        return Q(status__in=UNPAID)
    if status == "soon":
        return Q(status=InvoiceStatus.PENDING, due_date__lte=local_day(at) + WEEK)
    if status == "part":
        return Q(status__in=UNPAID, paid__gt=0)
    if status == "mail":
        followed = InvoiceMail.objects.filter(invoice=OuterRef("invoice"), number__gt=OuterRef("number"))
        newest = InvoiceMail.objects.filter(~Exists(followed), invoice=OuterRef("pk"))
        return Q(Exists(newest.filter(mails.in_trouble(at))), status__in=UNPAID)
    return Q(status=status)


def urgent_first(rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Overdue ones, then what falls due next; what is settled, newest first."""
    settled = Case(When(status__in=UNPAID, then=F("due_date")))
    return rows.order_by(URGENCY, settled.asc(nulls_last=True), "-id")


def totals(rows: QuerySet[Invoice]) -> list[Total]:
    """One for each currency; void invoices ask for nothing."""
    standing = rows.exclude(status=InvoiceStatus.VOID).order_by()
    sums = standing.values("currency").annotate(count=Count("pk"), total_=Sum("total"), paid_=Sum("paid"))
    return [
        Total(each["currency"], each["count"], cents(each["total_"]), cents(each["paid_"]))
        for each in sums.order_by("currency")
    ]


def figures(at: datetime) -> dict[str, int]:
    """How many invoices are in each state that somebody should look at, for the page and the home card."""
    found = Invoice.objects.aggregate(
        overdue=Count("pk", filter=Q(status=InvoiceStatus.OVERDUE)),
        due_soon=Count("pk", filter=state_condition("soon", at)),
        part=Count("pk", filter=state_condition("part", at)),
    )
    return {**found, "mail": Invoice.objects.filter(state_condition("mail", at)).count()}


def attention(at: datetime) -> int:
    """How many are overdue, or have trouble with their mail."""
    return Invoice.objects.filter(Q(status=InvoiceStatus.OVERDUE) | state_condition("mail", at)).count()


# --- As a spreadsheet -----------------------------------------------------------------------------------

HEADINGS = (
    "Invoice", "Status", "Issued", "Due", "Payer", "Contract", "Trip", "Distance, km", "Distance is",
    "Subtotal", "Tax", "Total", "Paid", "Still due", "Currency", "Sent", "Replaces", "Void because",
)  # fmt: skip


def sheet(rows: QuerySet[Invoice]) -> Iterable[tuple[object, ...]]:
    for each in rows.select_related("contract", "replaces").iterator(chunk_size=500):
        yield (
            each.invoice_number,
            each.get_status_display(),
            each.issued_on,
            each.due_date,
            each.payer_name,
            each.contract.number if each.contract else "",
            each.trip_id,
            each.distance_km,
            each.get_distance_source_display(),
            each.subtotal,
            each.tax,
            each.total,
            each.paid,
            each.due,
            each.currency,
            each.sent_at,
            str(each.replaces or ""),
            each.void_reason,
        )
