"""What people are told of trips at the bell and on their phones, and who gets it. No patient is named."""

from collections.abc import Iterable

from ims.accounts import people, roles
from ims.accounts.models import User
from logistics.notifications import kinds
from logistics.notifications.services import Message
from logistics.trips.models import Trip


def dispatchers() -> Iterable[User]:
    return people.holding(roles.DISPATCHER)


def assigned(trip: Trip, key: str) -> Message:
    way = f"{trip.pickup_place or 'pickup'} to {trip.dropoff_place or 'destination'}"
    return Message(
        type=kinds.TRIP_ASSIGNED,
        title="Trip Assigned",
        body=f"Trip {trip.pk} is yours: {way}.",
        key=key,
        data=_facts(trip, kinds.TRIP_ASSIGNED),
        url=trip.get_absolute_url(),
    )


def withdrawn(trip: Trip, key: str) -> Message:
    return Message(
        type=kinds.TRIP_WITHDRAWN,
        title="Trip No Longer Yours",
        body=f"Trip {trip.pk} was cancelled or given to somebody else.",
        key=key,
        data=_facts(trip, kinds.TRIP_WITHDRAWN),
        url="/trips/",
    )


def completed(trip: Trip) -> Message:
    return Message(
        type=kinds.TRIP_COMPLETED,
        title="Your Transport Has Ended",
        body="We wish you well.",
        key=f"trip:{trip.pk}:completed",
        data=_facts(trip, kinds.TRIP_COMPLETED),
        url=trip.get_absolute_url(),
    )


def timed_out(trip: Trip) -> Message:
    """Its key names the flag, so that a trip which is flagged again later is told of again."""
    flagged = trip.timed_out_at.isoformat() if trip.timed_out_at else ""
    return Message(
        type=kinds.TRIP_TIMED_OUT,
        title="Trip Without a Move",
        body=f"Trip {trip.pk} ({trip.vehicle or 'no vehicle'}) has been {trip.get_status_display().lower()}"
        " for more than six hours. Call the driver.",
        key=f"trip:{trip.pk}:timed_out:{flagged}",
        data=_facts(trip, kinds.TRIP_TIMED_OUT),
        url=trip.get_absolute_url(),
        by_email=True,
    )


def plain(type_: str, text: str, key: str) -> Message:
    """Whatever one person is to be told."""
    title = type_.replace("_", " ").strip().capitalize() or "Message"
    return Message(type=type_, title=title, body=text, key=key, data={"type": type_})


def _facts(trip: Trip, type_: str) -> dict[str, str]:
    return {"type": type_, "trip_id": str(trip.pk), "status": trip.status}
