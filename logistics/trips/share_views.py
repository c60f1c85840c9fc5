"""The public page behind a signed link: where the vehicle is, and nothing about anybody."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ims.lib.api import BadRequest, error_response
from logistics.trips import feed, maps, sharing
from logistics.trips.gps_api import events_after

GONE = 404


@login_not_required
@never_cache
@require_safe
def show(request: HttpRequest, token: str) -> HttpResponse:
    """Until the link expires; once the trip has ended it shows no place."""
    try:
        trip = sharing.open_link(token, now())
    except sharing.BadLink as error:
        return render(request, "logistics/share_over.html", {"reason": str(error)}, status=GONE)
    if sharing.has_ended(trip):
        return render(request, "logistics/share_over.html", {"reason": "This trip has ended."})
    context: dict[str, Any] = {
        "trip": trip,
        "token": token,
        "feed": getattr(trip, "feed", None),
        "after": feed.newest(trip.pk),
        "map": maps.of_shared(trip),
        "tiles": settings.MAP_TILE_URL,
        "tile_credit": settings.MAP_TILE_CREDIT,
    }
    response = render(request, "logistics/share.html", context)
    response["X-Robots-Tag"] = "noindex"
    return maps.with_tiles(response, request)


@login_not_required
@never_cache
@require_safe
def events(request: HttpRequest, token: str) -> HttpResponse:
    """What the page asks where there is no stream."""
    try:
        trip = sharing.open_link(token, now())
        found = events_after(trip, request.GET.get("after", ""))
    except sharing.BadLink as error:
        return error_response(request, "not_found", str(error), GONE)
    except BadRequest:
        return error_response(request, "invalid", "after: give the number of the last event.")
    if sharing.has_ended(trip):
        return error_response(request, "not_found", "This trip has ended.", GONE)
    for event in found["results"]:
        event.pop("message", None)
    return JsonResponse(found)
