"""Trips: what watchers receive, what follows from a move, and what the clock says."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.timezone import now

from logistics.billing import invoices
from logistics.fleet.models import Driver
from logistics.notifications import services as notifications
from logistics.tasks.billing import generate_invoice
from logistics.tasks.policy import PUSH, go_all_ways
from logistics.trips import feed, mail, upkeep
from logistics.trips import messages as trip_messages
from logistics.trips import services as trips
from logistics.trips.live_models import EventType
from logistics.trips.models import Trip, TripStatus
from scheduling import HIGH, LOW, NORMAL, cancelled, task

# --- What everybody who watches one receives ---------------------------------------------------------


@task(queue=HIGH, timeout=30, keep=None, name="trips.broadcast_gps_update")
def broadcast_gps_update(
    trip_id: int,
    latitude: float,
    longitude: float,
    speed: float | None = None,
    heading: int | None = None,
    recorded_at: str | None = None,
) -> str:
    """Show a fix to all who watch the trip; one of the same moment is shown once."""
    place = {"latitude": latitude, "longitude": longitude, "speed": speed, "heading": heading}
    feed.publish(trip_id, EventType.GPS, moment(recorded_at), **place)
    return f"GPS update broadcast for trip {trip_id}"


@task(queue=HIGH, timeout=30, keep=None, name="trips.broadcast_trip_status")
def broadcast_trip_status(trip_id: int, status: str, message: str = "", changed_at: str | None = None) -> str:
    """Tell all who watch the trip of its status; one change is told once."""
    feed.publish(trip_id, EventType.STATUS, moment(changed_at), status=status, message=message)
    return f"Status {status} broadcast for trip {trip_id}"


def moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else now()


# --- What follows from a move ---------------------------------------------------------------------------


def follow_move(trip: Trip) -> None:
    """Those who watch are told of the trip's new status; its end has its own consequences."""
    changed_at = (trip.status_changed_at or now()).isoformat()
    words = str(trip.get_status_display())
    broadcast_trip_status.enqueue(trip_id=trip.pk, status=trip.status, message=words, changed_at=changed_at)
    if trip.status == TripStatus.COMPLETED:
        process_trip_completion.enqueue(trip_id=trip.pk)


@task(queue=NORMAL, timeout=120, retries=PUSH, name="trips.process_trip_completion")
def process_trip_completion(trip_id: int) -> bool:
    """After a completed trip: vehicle free, invoice on its way, patient told. Each step may run twice."""
    trip = Trip.objects.select_related("patient__user", "vehicle").get(pk=trip_id)
    if trip.status != TripStatus.COMPLETED:
        return False
    trips.release(trip)
    if invoices.is_wanted(trip):
        generate_invoice.enqueue(trip_id=trip_id)
    people = [trip.patient.user] if trip.patient and trip.patient.user else []
    go_all_ways(
        lambda: notifications.tell(people, trip_messages.completed(trip)),
        lambda: mail.completed(trip),
    )
    return True


@task(queue=NORMAL, timeout=120, retries=PUSH, name="users.send_trip_assignment_notification")
def send_trip_assignment_notification(trip_id: int, driver_id: int) -> int:
    """Tell a driver that a trip is his; nothing if it is not any more. Returns the devices reached."""
    trip = Trip.objects.select_related("driver__user", "vehicle").get(pk=trip_id)
    if trip.driver is None or trip.driver_id != driver_id or trip.status in trips.ENDED:
        mail.not_assigned(trip_id, driver_id)
        return 0
    key = f"trip:{trip_id}:assigned:{driver_id}:{trip.assigned_at}"  # he may get it back later
    driver, message = trip.driver, trip_messages.assigned(trip, key)
    go_all_ways(lambda: notifications.tell([driver.user], message), lambda: mail.assigned(trip, driver, key))
    return notifications.reached(message.key)


@task(queue=NORMAL, timeout=120, retries=PUSH, name="users.send_trip_withdrawn_notification")
def send_trip_withdrawn_notification(trip_id: int, driver_id: int, changed_at: str) -> int:
    """Tell a driver that a trip is no longer his."""
    driver = Driver.objects.select_related("user").get(pk=driver_id)
    message = trip_messages.withdrawn(Trip.objects.get(pk=trip_id), f"trip:{trip_id}:withdrawn:{changed_at}")
    return notifications.tell([driver.user], message)


# --- What the clock says --------------------------------------------------------------------------------


@task(queue=NORMAL, timeout=60, every=timedelta(minutes=5), unique=True, name="trips.check_trip_timeouts")
def check_trip_timeouts() -> dict[str, int]:
    """Flag trips in progress without a move for six hours, and tell the dispatchers once per flag."""
    at = now()
    return {"timed_out_count": sum(flag_timed_out(trip, at) for trip in upkeep.overdue(at))}


@transaction.atomic
def flag_timed_out(trip: Trip, at: datetime) -> bool:
    flagged = upkeep.flag(trip, at)
    if flagged:
        notify_trip_timed_out.enqueue(trip_id=trip.pk, flagged_at=at.isoformat())
    return flagged


@task(queue=NORMAL, timeout=120, retries=PUSH, name="trips.notify_trip_timed_out")
def notify_trip_timed_out(trip_id: int, flagged_at: str) -> int:
    """Tell the dispatchers of a trip without a move; nothing if it has moved meanwhile."""
    trip = Trip.objects.select_related("vehicle").filter(pk=trip_id, timed_out_at=moment(flagged_at)).first()
    return notifications.tell(trip_messages.dispatchers(), trip_messages.timed_out(trip)) if trip else 0


@task(queue=LOW, timeout=3000, every=timedelta(hours=1), unique=True, name="trips.cleanup_old_gps_data")
def cleanup_old_gps_data() -> dict[str, int]:
    """Delete old fixes and events, a few at a time so that those who write hardly wait."""
    go_on = lambda done: not cancelled()  # noqa: E731
    return {
        "deleted_count": upkeep.delete_old_fixes(now(), go_on),
        "events_deleted": upkeep.delete_old_events(now(), go_on),
    }
