"""The station operator's page: the stock, and what was asked for."""

from typing import Any

from django.contrib import messages
from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ims.accounts import roles
from ims.submissions.once import once
from ims.web.access import needs_role
from logistics import actions
from logistics.dispatch import access
from logistics.dispatch.errors import Refused
from logistics.dispatch.forms import StockRequestForm
from logistics.dispatch.models import ASSIGNABLE, OPEN, RequestStatus

ROWS = 10  # of what was asked for; what is open is shown in any case
CANCELLABLE = (*ASSIGNABLE, RequestStatus.ASSIGNING)
operator_only = needs_role(roles.STATION_OPERATOR)


@require_safe
@operator_only
def show(request: HttpRequest) -> HttpResponse:
    form = StockRequestForm(access.daughter_stations(request.user))
    return render(request, "logistics/station.html", context(request, form))


@require_safe
@operator_only
def part(request: HttpRequest) -> HttpResponse:
    """Stock and requests, fetched anew every few seconds."""
    return render(request, "logistics/parts/station.html", context(request))


def context(request: HttpRequest, form: StockRequestForm | None = None) -> dict[str, Any]:
    mine = access.requests_of_operator(request.user)
    is_open = Case(When(status__in=OPEN, then=Value(0)), default=Value(1))  # these always, however old
    rows = mine.select_related("dbs", "target_driver__user", "trip__vehicle")
    rows = rows.order_by(is_open, "-created_at", "-id")
    count = mine.filter(status__in=OPEN).count()
    return {
        "stations": access.daughter_stations(request.user).select_related("parent_station"),
        "requests": rows[: max(ROWS, count)],
        "cancellable": CANCELLABLE,
        "form": form,
    }


@require_POST
@operator_only
@once
def ask(request: HttpRequest) -> HttpResponse:
    """Ask the mother station for gas."""
    form = StockRequestForm(access.daughter_stations(request.user), request.POST)
    if not form.is_valid():
        return render(request, "logistics/station.html", context(request, form))
    facts = form.cleaned_data
    actions.ask_for_gas(
        facts["dbs"], facts["requested_qty_kg"], request.user, facts["priority"], facts["notes"]
    )
    messages.success(request, _("Asked for. The engineer in charge is told."))
    return redirect("logistics:station")


@require_POST
@operator_only
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    wanted = get_object_or_404(access.requests_of_operator(request.user), pk=pk)
    try:
        actions.cancel(wanted, request.user, _("Cancelled by the station."))
        messages.success(request, _("Cancelled."))
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("logistics:station")
