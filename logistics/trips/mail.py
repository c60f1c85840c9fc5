"""The e-mails about trips, and the welcome to new people: text and HTML, each once whatever is retried.

No name or record of a patient is in any of them.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ims.accounts import forgotten
from ims.accounts.models import User
from ims.lib.local_time import local
from ims.notices import letters
from logistics.fleet.models import Driver
from logistics.trips.models import Trip

SECONDS_A_DAY = 86_400


def welcome(user: User) -> bool:
    """With the link by which a new person chooses a password; False without an address, or done before."""
    if not user.email or not user.is_active:
        return False
    facts = {
        "name": user.display_name,
        "username": user.username,
        "url": forgotten.link(user),
        "days": settings.PASSWORD_RESET_TIMEOUT // SECONDS_A_DAY,
    }
    return letters.send_once(user, f"welcome:{user.pk}", draft("welcome", _("Welcome to IMS"), facts))


def assigned(trip: Trip, driver: Driver, key: str) -> bool:
    """To the driver: the trip is his."""
    user = driver.user
    if not user.email or not user.is_active:
        return False
    subject = _("Trip %(number)s is yours") % {"number": trip.pk}
    facts = {"name": user.display_name, "trip": trip, **facts_of(trip)}
    return letters.send_once(user, key, draft("trip_assigned", subject, facts))


def not_assigned(trip_id: int, driver_id: int) -> None:
    """What still waits to tell this driver that the trip is his is not sent."""
    letters.drop_all(f"trip:{trip_id}:assigned:{driver_id}:", _("The trip is not his any more."))


def completed(trip: Trip) -> bool:
    """To the patient, by whichever address is known."""
    patient, key = trip.patient, f"trip:{trip.pk}:completed"
    if patient is None:
        return False
    letter = draft("trip_completed", _("Your transport has ended"), {"when": day_words(trip)})
    if patient.user is not None and patient.user.email:
        return letters.send_once(patient.user, key, letter)
    return bool(patient.email) and letters.send_once_to(patient.email, key, letter)


def digest(user: User, day: date, trips: Iterable[Trip]) -> bool:
    """To a driver: the trips of the day, in their order; False where there are none, or done before."""
    rows = [facts_of(trip) for trip in trips]
    if not rows or not user.email or not user.is_active:
        return False
    shown = date_format(day, "j M Y")
    subject = _("Your trips on %(day)s") % {"day": shown}
    facts = {"name": user.display_name, "day": shown, "rows": rows}
    return letters.send_once(user, f"trips_digest:{day}", draft("daily_digest", subject, facts))


def draft(name: str, subject: str, facts: dict[str, Any]) -> letters.Draft:
    shown = {**facts, "subject": subject, "site_url": settings.SITE_URL}
    text = render_to_string(f"logistics/mail/{name}.txt", shown)
    return letters.Draft(subject, text, render_to_string(f"logistics/mail/{name}.html", shown))


def facts_of(trip: Trip) -> dict[str, str]:
    moment = trip.scheduled_pickup_time
    return {
        "pickup": trip.pickup_place or "—",
        "dropoff": trip.dropoff_place or "—",
        "vehicle": str(trip.vehicle or "—"),
        "when": time_words(moment),
        "time": f"{local(moment):%H:%M}" if moment else "—",
        "url": settings.SITE_URL + trip.get_absolute_url(),
    }


def time_words(moment: datetime | None) -> str:
    return date_format(local(moment), "j M Y, H:i") if moment else "—"


def day_words(trip: Trip) -> str:
    return date_format(local(trip.scheduled_pickup_time or trip.created_at), "j M Y")
