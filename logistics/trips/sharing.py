"""A link by which anybody may watch where a vehicle is, until it expires or the trip ends.

It shows no name, no place in words and nothing about a patient: only the vehicle, and how far it is.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from logistics.trips.models import Trip
from logistics.trips.services import ENDED

SALT = "logistics.trips.sharing"


class BadLink(Exception):
    """The link was never ours, or has expired."""


def link(trip: Trip, at: datetime, lasts: timedelta) -> tuple[str, datetime]:
    """The address, and when it ends."""
    expires = at + lasts
    token = signing.dumps([trip.pk, int(expires.timestamp())], salt=SALT, compress=True)
    return settings.SITE_URL + reverse("logistics:share", args=[token]), expires


def open_link(token: str, at: datetime) -> Trip:
    """The trip of a link. Raises BadLink."""
    try:
        pk, expires = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadLink("This link is not complete: copy it whole.") from error
    trip = Trip.objects.select_related("vehicle", "feed").filter(pk=pk).first()
    if trip is None or datetime.fromtimestamp(expires, UTC) <= at:
        raise BadLink("This link has expired: ask for a new one.")
    return trip


def has_ended(trip: Trip) -> bool:
    """From here on the link tells that, and no place."""
    return trip.status in ENDED
