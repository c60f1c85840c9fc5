"""The pages of trips: the board, a trip with its live map, a new transport."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from ims.accounts import roles
from ims.accounts.models import User
from ims.lib.local_time import local_day
from ims.submissions.once import once
from ims.web import live
from ims.web.access import needs_role
from ims.web.form_errors import complaint
from logistics import trip_actions
from logistics.trips import access, feed, maps, proofs, queries, services, timeline
from logistics.trips.board import Row, board, is_late
from logistics.trips.errors import TripRefused
from logistics.trips.forms import CrewForm, DayFilter, ReasonForm, TripForm
from logistics.trips.live_models import TripProof
from logistics.trips.models import IN_PROGRESS, Trip, TripStatus

ROWS = 50  # trips of another day on a page
SHARED_FOR = timedelta(hours=24)
STEPS = {  # from a status: what the crew's button says
    TripStatus.ASSIGNED: gettext_lazy("Start driving"),
    TripStatus.EN_ROUTE: gettext_lazy("At the pickup"),
    TripStatus.AT_PICKUP: gettext_lazy("On our way"),
    TripStatus.IN_TRANSIT: gettext_lazy("Arrived"),
    TripStatus.ARRIVED: gettext_lazy("Handed over"),
}


@require_safe
def show_board(request: HttpRequest) -> HttpResponse:
    """The day's trips: all for dispatchers, one's own for crews and patients; another day's with ?day=."""
    user, today = cast(User, request.user), local_day(now())
    if not access.may_open(user):
        raise PermissionDenied("This page is for dispatchers, crews and patients.")
    day = DayFilter(request.GET).wanted.get("day", today)
    if day != today:
        return show_day(request, user, day)
    shown = board(user, now())
    context = {
        **days_beside(today),
        "board": shown,
        "is_dispatcher": access.is_dispatcher(user),
        "stream": reverse("logistics:trips-stream") if access.is_dispatcher(user) else "",
        "moving": IN_PROGRESS,
        "seen": live.version(shown.facts),
    }
    return live.answer(request, "logistics/trips.html", "logistics/parts/trips.html", context)


def show_day(request: HttpRequest, user: User, day: date) -> HttpResponse:
    at = now()
    shown = Paginator(queries.of_day(user, day), ROWS).get_page(request.GET.get("page"))
    rows = [Row(trip, is_late(trip, at)) for trip in shown]
    context = {**days_beside(day), "day": day, "page_obj": shown, "rows": rows, "moving": IN_PROGRESS}
    return render(request, "logistics/trips_day.html", context)


def days_beside(day: date) -> dict[str, Any]:
    """What leads to other days."""
    one = timedelta(days=1)
    return {"before": day - one, "after": day + one, "day_form": DayFilter({"day": day})}


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One trip, live."""
    trip = own(request, pk)
    context = {
        **facts_of(request, trip),
        "after": feed.newest(trip.pk),
        "map": maps.of_trip(trip),
        "tiles": settings.MAP_TILE_URL,
        "tile_credit": settings.MAP_TILE_CREDIT,
        "crew_form": CrewForm(trip) if access.is_dispatcher(cast(User, request.user)) else None,
    }
    return maps.with_tiles(render(request, "logistics/trip.html", context), request)


@require_safe
def part(request: HttpRequest, pk: int) -> HttpResponse:
    """The trip's facts and timeline; nothing while they are what the page shows."""
    return live.part(request, "logistics/parts/trip.html", facts_of(request, own(request, pk)))


def own(request: HttpRequest, pk: int) -> Trip:
    """A trip that this person may watch; another's does not exist."""
    return get_object_or_404(queries.whole(access.visible(cast(User, request.user))), pk=pk)


def facts_of(request: HttpRequest, trip: Trip) -> dict[str, Any]:
    user = cast(User, request.user)
    entries, knows = timeline.entries(trip), access.knows_patient(user, trip)
    late = is_late(trip, now())
    kept = list(trip.proofs.all()) if knows else []
    return {
        "trip": trip,
        "feed": getattr(trip, "feed", None),
        "entries": entries,
        "proofs": kept,
        "is_late": late,
        "is_dispatcher": access.is_dispatcher(user),
        "knows_patient": knows,
        "has_ended": trip.status in services.ENDED,
        "is_shared": knows and timeline.is_shared(entries),
        "step": STEPS.get(TripStatus(trip.status), "") if knows else "",
        "seen": live.version((trip.updated_at, entries, late, len(kept))),
    }


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Assign, take a step, cancel, share, or revoke what was shared."""
    trip, user = own(request, pk), cast(User, request.user)
    if verb not in ACTS:
        raise Http404
    needs_dispatcher, deed = ACTS[verb]
    if not (access.is_dispatcher(user) if needs_dispatcher else access.knows_patient(user, trip)):
        raise PermissionDenied("Only dispatchers and the trip's crew may do this.")
    try:
        stays = verb == "share"  # a link is to be copied; good news go by themselves
        (messages.warning if stays else messages.success)(request, deed(request, trip, user))
    except TripRefused as refusal:
        messages.error(request, str(refusal))
    return redirect(trip)


def assign(request: HttpRequest, trip: Trip, user: User) -> str:
    form = CrewForm(trip, request.POST)
    if not form.is_valid():
        raise TripRefused("crew", complaint(form)[1])
    if not trip_actions.assign(trip, form.crew(), user):
        return _("It has this crew already.")
    return _("Assigned to %(name)s, who is told.") % {"name": form.crew().driver.name}


def step(request: HttpRequest, trip: Trip, user: User) -> str:
    """One step on from what the page showed: who pressed twice moves once."""
    seen = request.POST.get("from", "")
    if seen not in STEPS:
        raise TripRefused("step", _("This trip cannot be moved on: reload the page."))
    trip_actions.move(trip, services.NEXT[TripStatus(seen)], user)
    return str(trip.get_status_display())


def cancel(request: HttpRequest, trip: Trip, user: User) -> str:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise TripRefused("reason", complaint(form)[1])
    trip_actions.cancel(trip, user, form.cleaned_data["reason"])
    return _("Cancelled. The driver is told.")


def share(request: HttpRequest, trip: Trip, user: User) -> str:
    url, _expires = trip_actions.share(trip, SHARED_FOR, user)
    return _("Whoever has this link sees the vehicle for 24 hours: %(url)s") % {"url": url}


def unshare(request: HttpRequest, trip: Trip, user: User) -> str:
    trip_actions.unshare(trip, user)
    return _("Revoked: no link that was made for this trip opens any more.")


Deed = Callable[[HttpRequest, Trip, User], str]
ACTS: dict[str, tuple[bool, Deed]] = {  # whether it needs a dispatcher, and what is done
    "assign": (True, assign),
    "cancel": (True, cancel),
    "step": (False, step),
    "share": (False, share),
    "unshare": (False, unshare),
}


@needs_role(roles.DISPATCHER)
@once
def new(request: HttpRequest) -> HttpResponse:
    """Plan a transport."""
    form = TripForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        trip = trip_actions.create(cast(User, request.user), **form.cleaned_data)
        messages.success(request, _("Planned. Give it a driver."))
        return redirect(trip)
    return render(request, "logistics/trip_new.html", {"form": form})


@require_safe
def proof(request: HttpRequest, pk: int, proof_pk: int) -> FileResponse:
    """A picture, for dispatchers and the crew."""
    trip = own(request, pk)
    if not access.knows_patient(cast(User, request.user), trip):
        raise Http404
    kept = get_object_or_404(TripProof, pk=proof_pk, trip=trip)
    try:
        file = kept.picture.open("rb")
    except FileNotFoundError:
        raise Http404("The picture is gone: restore it from a backup.") from None
    return FileResponse(file, content_type=proofs.picture_type(file) or "application/octet-stream")
