"""What people look for: searches, groups and the figures above the list."""

from datetime import datetime

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Lower, Trim
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from masterdata import parcels
from masterdata.models import PackingSlip, Parcel, Product, SlipStatus
from masterdata.statuses import TransitStatus

# Every slip is in exactly one group: what its people ask first.
GROUPS = {
    "waiting": _("Waiting"),
    "moving": _("Moving"),
    "attention": _("Needs attention"),
    "delivered": _("Delivered"),
}
MOVING = (TransitStatus.IN_TRANSIT, TransitStatus.WAITING_DELIVERY)


def group_conditions(at: datetime) -> dict[str, Q]:
    own_parcels = Parcel.objects.filter(slip=OuterRef("pk"))
    delivered = Q(status=SlipStatus.DELIVERED)
    attention = Q(Exists(parcels.needing_attention(at).filter(slip=OuterRef("pk")))) & ~delivered
    moving = Q(Exists(own_parcels.filter(status__in=MOVING))) & ~attention & ~delivered
    return {
        "waiting": ~delivered & ~attention & ~moving,
        "moving": moving,
        "attention": attention,
        "delivered": delivered,
    }


def figures() -> dict[str, int]:
    """How many slips are in each group."""
    return figures_and_change()[0]


def figures_and_change() -> tuple[dict[str, int], datetime | None]:
    """How many slips are in each group, and when one of them changed last, in one query."""
    conditions = group_conditions(now())
    found = PackingSlip.objects.aggregate(
        **{group: Count("pk", filter=condition) for group, condition in conditions.items()},
        changed_at=Max("updated_at"),
    )
    changed_at = found.pop("changed_at")
    return found, changed_at


def search_slips(
    found: QuerySet[PackingSlip], *, status: str = "", vendor: str = "", q: str = "", group: str = ""
) -> QuerySet[PackingSlip]:
    """Packing slips by status, vendor, group, and text in order id, recipient or tracking numbers."""
    if status:
        found = found.filter(status=status)
    if vendor:
        found = found.filter(tracking_vendor__iexact=vendor.strip())
    if group:
        found = found.filter(group_conditions(now())[group])
    if text := q.strip():
        found = found.filter(
            Q(order_id__icontains=text) | Q(ship_to__icontains=text) | Q(tracking_ids__icontains=text)
        )
    return found


def vendors() -> list[str]:
    """The courier codes in use, for the filter."""
    codes = PackingSlip.objects.order_by().annotate(code=Lower(Trim("tracking_vendor"))).exclude(code="")
    return sorted(codes.values_list("code", flat=True).distinct())


def search_products(found: QuerySet[Product], text: str) -> QuerySet[Product]:
    """Products by text in name, code or SKU."""
    if not text.strip():
        return found
    text = text.strip()
    return found.filter(Q(name__icontains=text) | Q(code__icontains=text) | Q(sku__icontains=text))
