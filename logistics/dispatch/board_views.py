"""The EIC's pages: the board, one request, shifts to decide."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from ims.accounts import roles
from ims.lib import audit
from ims.web import live
from ims.web.access import needs_role
from logistics import actions
from logistics.dispatch import access, board, candidates
from logistics.dispatch.errors import Refused
from logistics.dispatch.forms import reason_in
from logistics.dispatch.models import ASSIGNABLE, StockRequest
from logistics.fleet import shifts
from logistics.fleet.models import Shift, ShiftStatus, Station
from logistics.notifications import fcm

ROWS = 100  # shifts on a page
eic_only = needs_role(roles.EIC)


@require_safe
@eic_only
def show(request: HttpRequest) -> HttpResponse:
    """Open requests by urgency, with the time that open offers have left."""
    return render(request, "logistics/board.html", context(request))


@require_safe
@eic_only
def part(request: HttpRequest) -> HttpResponse:
    """The board's inside; nothing while it is what the page shows."""
    return live.part(request, "logistics/parts/board.html", context(request))


def context(request: HttpRequest) -> dict[str, Any]:
    stations = list(access.mother_stations(request.user))
    ms = chosen_station(request, stations)
    shown = board.board(ms, now()) if ms else None
    return {
        "stations": stations,
        "ms": ms,
        "board": shown,
        "seen": live.version(shown and shown.facts),
        "stream": f"{reverse('logistics:board-stream')}?ms={ms.pk}" if ms else "",
        "shifts_to_decide": board.shifts_to_decide(request.user),
        "pushes_off": not fcm.is_configured(),
        "assignable": ASSIGNABLE,
    }


def chosen_station(request: HttpRequest, stations: list[Station]) -> Station | None:
    wanted = request.GET.get("ms", "")
    return next((each for each in stations if str(each.pk) == wanted), next(iter(stations), None))


@require_safe
@eic_only
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One request: its facts, its offers, and who could take it."""
    return render(request, "logistics/request.html", choice(request, pk))


@require_safe
@eic_only
def detail_part(request: HttpRequest, pk: int) -> HttpResponse:
    """The page's inside; nothing while it is what the page shows."""
    return live.part(request, "logistics/parts/request.html", choice(request, pk))


@require_safe
@eic_only
def drivers(request: HttpRequest, pk: int) -> HttpResponse:
    """The drivers to choose from, as the inside of the board's dialog."""
    return render(request, "logistics/parts/assign.html", choice(request, pk))


def choice(request: HttpRequest, pk: int) -> dict[str, Any]:
    wanted = own(request, pk)
    assignable = wanted.status in ASSIGNABLE
    found = candidates.available(wanted.dbs.parent_station, now(), wanted) if assignable else []
    return {
        "wanted": wanted,
        "assignable": assignable,
        "candidates": found,
        "offers": wanted.offers.select_related("driver__user", "vehicle", "offered_by"),
        "seen": live.version(board.facts_of(wanted, found)),
    }


def own(request: HttpRequest, pk: int) -> StockRequest:
    """A request of one's own mother stations; another's does not exist."""
    mine = access.requests_of_eic(request.user)
    known = mine.select_related(
        "dbs__parent_station", "target_driver__user", "trip__vehicle", "token", "requested_by"
    )
    return get_object_or_404(known, pk=pk)


@require_POST
@eic_only
def change(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Assign, approve, queue, reject, withdraw or cancel."""
    if verb not in CHANGES:
        raise Http404
    wanted = own(request, pk)
    try:
        messages.success(request, CHANGES[verb](request, wanted))
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect(wanted_page(request, wanted))


def wanted_page(request: HttpRequest, wanted: StockRequest) -> str:
    """Back to where the button was: the board, or the request's page."""
    if request.POST.get("back") == "request":
        return f"/dispatch/requests/{wanted.pk}/"
    return f"/dispatch/?ms={wanted.dbs.parent_station_id}"


def assign(request: HttpRequest, wanted: StockRequest) -> str:
    digits = request.POST.get("driver", "")
    if not digits.isdecimal() or len(digits) > 18:
        raise Refused("unknown_driver", _("Choose a driver from the list."))
    offer = actions.assign(wanted, int(digits), request.user)
    return _("Offered to %(name)s.") % {"name": offer.driver.name}


def approve(request: HttpRequest, wanted: StockRequest) -> str:
    return _offered(actions.approve(wanted, request.user)) or _("Approved. It has no driver yet.")


def queue(request: HttpRequest, wanted: StockRequest) -> str:
    return _offered(actions.assign_next(wanted, request.user)) or _(
        "It waits for the next vehicle in the queue."
    )


def _offered(offer: Any) -> str:
    if offer is None:
        return ""
    return _("Offered to %(name)s, the first in the queue.") % {"name": offer.driver.name}


def reject(request: HttpRequest, wanted: StockRequest) -> str:
    actions.reject(wanted, request.user, reason_in(request.POST))
    return _("Rejected.")


def withdraw(request: HttpRequest, wanted: StockRequest) -> str:
    actions.withdraw(wanted, request.user)
    return _("The offer is withdrawn; the driver is told.")


def cancel(request: HttpRequest, wanted: StockRequest) -> str:
    actions.cancel(wanted, request.user, reason_in(request.POST), may_recall=True)
    return _("Cancelled.")


CHANGES: dict[str, Callable[[HttpRequest, StockRequest], str]] = {
    "assign": assign,
    "approve": approve,
    "queue": queue,
    "reject": reject,
    "withdraw": withdraw,
    "cancel": cancel,
}


@require_safe
@eic_only
def shift_list(request: HttpRequest) -> HttpResponse:
    """Shifts that wait for a decision, and those that were decided last."""
    mine = access.shifts_of_eic(request.user).select_related("driver__user", "vehicle", "decided_by")
    running = mine.filter(status=ShiftStatus.APPROVED).order_by("driver__user__username", "start", "pk")
    shown = {
        "waiting": shifts.to_decide(access.mother_stations(request.user)),
        "running": Paginator(running, ROWS).get_page(request.GET.get("page")),
        "decided": mine.exclude(decided_at=None).order_by("-decided_at")[:20],
    }
    return render(request, "logistics/shifts.html", shown)


@require_POST
@eic_only
def decide_shift(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Approve or reject a shift that was asked for, or end an approved one."""
    if verb not in DECISIONS:
        raise Http404
    decide, said = DECISIONS[verb]
    shift = get_object_or_404(access.shifts_of_eic(request.user), pk=pk)
    try:
        if decide(shift, request.user):
            audit.record(f"shift.{verb}", f"shift:{pk}", request.user)
            messages.success(request, said)
        else:
            messages.info(request, _("Somebody has decided this shift already."))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect("logistics:shifts")


DECISIONS: dict[str, tuple[Callable[[Shift, Any], bool], Any]] = {
    "approve": (partial(shifts.decide, approved=True), gettext_lazy("Approved.")),
    "reject": (partial(shifts.decide, approved=False), gettext_lazy("Rejected.")),
    "end": (shifts.end, gettext_lazy("Ended.")),
}
