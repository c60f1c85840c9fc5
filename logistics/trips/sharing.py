"""A link by which anybody may watch where a vehicle is, until it expires, is revoked or the trip ends.

It shows no name, no place in words and nothing about a patient: only the vehicle, and how far it is.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db.models import F
from django.urls import reverse

from logistics.trips.models import Trip
from logistics.trips.services import ENDED

SALT = "logistics.trips.sharing"


class BadLink(Exception):
    """The link was never ours, has expired, or was revoked."""


def link(trip: Trip, at: datetime, lasts: timedelta) -> tuple[str, datetime]:
    """The address, and when it ends."""
    expires = at + lasts
    token = signing.dumps([trip.pk, int(expires.timestamp()), trip.share_round], salt=SALT, compress=True)
    return settings.SITE_URL + reverse("logistics:share", args=[token]), expires


def open_link(token: str, at: datetime) -> Trip:
    """The trip of a link. Raises BadLink."""
    try:
        pk, expires, *rounds = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadLink("This link is not complete: copy it whole.") from error
    made_in = rounds[0] if rounds else 0  # a link of the last release names no round
    trip = Trip.objects.select_related("vehicle", "feed").filter(pk=pk, share_round=made_in).first()
    if trip is None or datetime.fromtimestamp(expires, UTC) <= at:
        raise BadLink("This link has expired: ask for a new one.")
    return trip


def revoke(trip: Trip) -> None:
    """No link that was made until now opens any more; who watches by one is let go within seconds."""
    Trip.objects.filter(pk=trip.pk).update(share_round=F("share_round") + 1)
    trip.refresh_from_db(fields=["share_round"])


def has_ended(trip: Trip) -> bool:
    """From here on the link tells that, and no place."""
    return trip.status in ENDED
