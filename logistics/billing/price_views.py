"""What a trip costs: on its own page, and by its number for those who do the accounts."""

from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from ims.accounts.models import User
from ims.web.access import needs_role
from logistics.billing import access, invoices
from logistics.billing.forms import PriceForm
from logistics.billing.models import InvoiceStatus
from logistics.trips import access as trip_access
from logistics.trips.models import Trip, TripStatus


@require_safe
@needs_role(*access.LOOK)
def of_trip(request: HttpRequest, pk: int) -> HttpResponse:
    """On a trip's page: what it would cost as it stands, or its invoices."""
    return render(request, "logistics/parts/price.html", costs(get_object_or_404(priced(), pk=pk)))


@require_safe
@needs_role(*access.LOOK)
def price(request: HttpRequest) -> HttpResponse:
    """The same for ?trip_id=, with what can be done about it."""
    form = PriceForm(request.GET if "trip_id" in request.GET else None)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        trip = priced().filter(pk=form.cleaned_data["trip_id"]).first()
        if trip is None:
            form.add_error("trip_id", _("There is no such trip."))
        else:
            user = cast(User, request.user)
            context |= costs(trip) | {
                "sees_trip": trip_access.visible(user).filter(pk=trip.pk).exists(),
                "may_act": access.may_act(user),
            }
    return render(request, "logistics/price.html", context)


def priced() -> QuerySet[Trip]:
    return Trip.objects.select_related("contract__company", "patient")


def costs(trip: Trip) -> dict[str, Any]:
    existing = list(trip.invoices.order_by("-id"))
    standing = bool(existing) and existing[0].status != InvoiceStatus.VOID
    wanted = not standing and trip.status != TripStatus.CANCELLED
    preview = invoices.preview(trip) if wanted else None
    return {
        "trip": trip,
        "invoices": existing,
        "currency": settings.INVOICE_CURRENCY,
        "tax_name": settings.INVOICE_TAX_NAME,
        "preview": preview,
        "is_final": trip.status in (TripStatus.COMPLETED, TripStatus.CANCELLED),
        "is_open": bool(preview and preview.payer and trip.status == TripStatus.COMPLETED),
    }
