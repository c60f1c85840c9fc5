"""The driver's page, made for a phone: the offered trip, the trip under way, the queue, the shifts."""

from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from ims.accounts import roles
from ims.lib.local_time import local_day
from ims.web import live
from ims.web.access import View, needs_role
from logistics import actions
from logistics.dispatch import access, answers, tokens
from logistics.dispatch.errors import Refused
from logistics.dispatch.forms import CompletionForm, ShiftForm, reason_in
from logistics.dispatch.models import TokenStatus, VehicleToken
from logistics.fleet import shifts
from logistics.fleet.models import Driver
from logistics.trips import services as trips
from logistics.trips.models import OPEN, Trip, TripStatus

STEPS = {  # from a status: what the driver's button says
    TripStatus.ASSIGNED: gettext_lazy("Start driving"),
    TripStatus.EN_ROUTE: gettext_lazy("I am at the mother station"),
    TripStatus.AT_PICKUP: gettext_lazy("Filled, on my way"),
    TripStatus.IN_TRANSIT: gettext_lazy("I have arrived"),
    TripStatus.ARRIVED: gettext_lazy("Delivered"),
}


def driver_only(view: View) -> View:
    """For people who are entered as drivers; the view gets its driver."""

    @wraps(view)
    @needs_role(roles.DRIVER)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        driver = access.driver_of(request.user)
        if driver is None:
            raise PermissionDenied("This page is for drivers: ask the office to enter you as one.")
        return view(request, driver, *args, **kwargs)

    return guarded


@require_safe
@driver_only
def show(request: HttpRequest, driver: Driver) -> HttpResponse:
    return render(request, "logistics/drive.html", {**context(driver), "shift_form": ShiftForm(driver)})


@require_safe
@driver_only
def part(request: HttpRequest, driver: Driver) -> HttpResponse:
    """The page's inside; nothing while it is what the page shows."""
    return live.part(request, "logistics/parts/drive.html", context(driver))


def context(driver: Driver) -> dict[str, Any]:
    moment = now()
    offers = list(answers.open_offers([driver], moment))
    trip = current_trip(driver)
    token = VehicleToken.objects.filter(
        driver=driver, date=local_day(moment), status=TokenStatus.WAITING
    ).first()
    shift = shifts.active_shift(driver, moment)
    own = driver.shifts.exclude(status="EXPIRED").select_related("vehicle")[:5]
    facts = [
        [offer.pk for offer in offers],
        trip and (trip.pk, trip.status),
        token and token.pk,
        shift and shift.pk,
        [(each.pk, each.status) for each in own],
    ]
    return {
        "offers": offers,
        "trip": trip,
        "step": STEPS.get(TripStatus(trip.status)) if trip else "",
        "completion": CompletionForm(initial={"delivered_kg": asked_kg(trip)}),
        "token": token,
        "shift": shift,
        "shifts": own,
        "seen": live.version(facts),
    }


def asked_kg(trip: Trip | None) -> Any:
    return trip.stock_request.requested_qty_kg if trip and trip.stock_request else None


def current_trip(driver: Driver) -> Trip | None:
    """The delivery that this driver has taken and not ended."""
    mine = access.trips_of(driver).filter(stock_request__isnull=False, status__in=OPEN)
    return mine.select_related("stock_request__dbs", "stock_request__token", "vehicle").first()


@require_POST
@driver_only
def answer(request: HttpRequest, driver: Driver, pk: int, verb: str) -> HttpResponse:
    """Accept or decline an offered trip."""
    try:
        if verb == "accept":
            taken = actions.accept(pk, driver)
            messages.success(
                request, _("The trip is yours. Token %(number)s.") % {"number": taken.token.number}
            )
        elif verb == "decline":
            actions.decline(pk, driver, reason_in(request.POST))
            messages.info(request, _("Declined. The engineer in charge is told."))
        else:
            raise Http404
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("logistics:drive")


@require_POST
@driver_only
def step(request: HttpRequest, driver: Driver, pk: int) -> HttpResponse:
    """Take one's own trip to its next status; the page says which it thinks that is."""
    trip = get_object_or_404(access.trips_of(driver).filter(stock_request__isnull=False), pk=pk)
    seen = request.POST.get("from", "")
    if seen not in STEPS:
        raise Http404
    status, delivered_kg = trips.NEXT[TripStatus(seen)], None
    if status == TripStatus.COMPLETED:
        form = CompletionForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("Delivered: give the kilograms as a number, zero or more."))
            return redirect("logistics:drive")
        delivered_kg = form.cleaned_data["delivered_kg"]
    try:
        actions.move_trip(trip, status, delivered_kg)
    except (trips.IllegalMove, Refused):
        messages.error(request, _("The trip has moved on meanwhile: look again."))
    return redirect("logistics:drive")


@require_POST
@driver_only
def queue(request: HttpRequest, driver: Driver, verb: str) -> HttpResponse:
    """Line up at the mother station, or leave the queue."""
    shift = shifts.active_shift(driver, now())
    try:
        if verb == "leave":
            tokens.leave(driver, now())
        elif verb != "join":
            raise Http404
        elif shift is None:
            messages.error(request, _("You have no approved shift now."))
        else:
            token = actions.join_queue(shift)
            messages.success(request, _("You are in the queue: %(number)s.") % {"number": token.number})
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("logistics:drive")


@require_POST
@driver_only
def propose_shift(request: HttpRequest, driver: Driver) -> HttpResponse:
    """Ask for a shift; the EIC decides."""
    form = ShiftForm(driver, request.POST)
    if form.is_valid():
        try:
            shifts.propose(driver, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error(None, refusal)
    if form.errors:
        return render(request, "logistics/drive.html", {**context(driver), "shift_form": form})
    messages.success(request, _("Asked for. The engineer in charge decides."))
    return redirect("logistics:drive")


@require_POST
@driver_only
def take_shift_back(request: HttpRequest, driver: Driver, pk: int) -> HttpResponse:
    """A shift that the driver wants no more, before it is decided."""
    if shifts.take_back(get_object_or_404(driver.shifts, pk=pk)):
        messages.success(request, _("Taken back."))
    else:
        messages.error(request, _("It is decided already: ask the engineer in charge to end it."))
    return redirect("logistics:drive")
