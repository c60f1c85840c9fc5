"""What a trip's map shows, as the JSON that map.js reads; and the content policy of pages with map tiles."""

import re
from decimal import Decimal
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from logistics.trips import gps
from logistics.trips.models import Trip


def of_trip(trip: Trip) -> dict[str, Any]:
    """The planned way, the track and the places by name."""
    ends = [
        (trip.pickup_place, trip.pickup_lat, trip.pickup_lng),
        (trip.dropoff_place, trip.dropoff_lat, trip.dropoff_lng),
    ]
    known = [(name, float(lat), float(lng)) for name, lat, lng in ends if lat is not None and lng is not None]
    return {
        "plan": [[lat, lng] for _, lat, lng in known],
        "track": [[float(point.lat), float(point.lng)] for point in gps.track(trip).points],
        "stations": [{"name": name, "lat": lat, "lng": lng} for name, lat, lng in known],
        "vehicle": str(trip.vehicle or ""),
    }


def of_shared(trip: Trip) -> dict[str, Any]:
    """Where the vehicle is, and nothing of where it came from or goes to."""
    feed = getattr(trip, "feed", None)
    here: list[list[Decimal | float]] = [[float(feed.lat), float(feed.lng)]] if feed and feed.fix_at else []
    return {"plan": [], "track": here, "stations": [], "vehicle": str(trip.vehicle or "")}


def with_tiles(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Let the page fetch pictures from the tiles' host, where there is one."""
    host = tile_host(settings.MAP_TILE_URL)
    if host:
        csp_update({"img-src": [host]})(lambda _: response)(request)
    return response


def tile_host(url: str) -> str:
    """As the policy names it: https://{s}.tile.example.com/{z}/… → https://*.tile.example.com"""
    found = re.match(r"https?://[^/]+", url)
    return re.sub(r"\{\w+\}", "*", found[0]) if found else ""
