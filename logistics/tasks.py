"""Background jobs of dispatch and trips, and the queue of each: the whole fleet's policy on two screens.

What follows from a change is enqueued in the change's own transaction, so that neither is lost without the
other, and nobody is told of what did not happen.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib import logs
from ims.lib.local_time import local_day
from logistics.billing import invoices, mails, overdue
from logistics.dispatch import assignments, expiry, messages, tokens
from logistics.dispatch.models import (
    ESCALATED_AFTER,
    IS_OPEN,
    Answer,
    Offer,
    RequestStatus,
    StockRequest,
    answer_time,
)
from logistics.fleet import shifts
from logistics.fleet.models import Driver, DriverStatus, Station
from logistics.notifications import services as notifications
from logistics.trips import feed, mail, queries, upkeep
from logistics.trips import messages as trip_messages
from logistics.trips import services as trips
from logistics.trips.live_models import EventType
from logistics.trips.models import Trip, TripStatus
from scheduling import HIGH, LOW, NORMAL, Retry, cancelled, task

ZONE = settings.OPERATIONS_TIME_ZONE
PUSH = Retry(attempts=notifications.MOST_TRIES, delay=10, factor=3, max_delay=600)
MAIL = Retry(attempts=mails.MOST_TRIES, delay=60, factor=3, max_delay=4 * 3600)

# --- Offers whose time is over --------------------------------------------------------------------------


@task(queue=HIGH, timeout=50, every=timedelta(minutes=1), unique=True)
def check_expired_driver_assignments() -> dict[str, int]:
    """Return overdue driver assignments to PENDING and tell the EICs; the net below expire_offer."""
    count = 0
    while expired := expire_batch():
        count += expired
    return {"expired_count": count}


@transaction.atomic
def expire_batch() -> int:
    """Up to 500 of them; each is told of by one job, which commits with it."""
    offers = expiry.expire_overdue(now())
    tell_expired(offers)
    return len(offers)


@task(queue=HIGH, timeout=30)
def expire_offer(offer_id: int) -> bool:
    """At an offer's deadline: take it back if nobody has answered."""
    offer = Offer.objects.select_related("request").get(pk=offer_id)
    if offer.answer != Answer.OPEN:
        return False
    if (end := offer.request.expires_at) and end > now():
        expire_offer.enqueue_at(end, offer_id)  # this machine's clock is behind, or the time was lengthened
        return False
    return expire_now(offer.request_id)


@transaction.atomic
def expire_now(request_id: int) -> bool:
    offers = expiry.expire_request(request_id, now())
    tell_expired(offers)
    return bool(offers)


def tell_expired(offers: Iterable[Offer]) -> None:
    ended = list(offers)
    jobs = [{"stock_request_id": each.request_id, "offer_id": each.pk} for each in ended]
    notify_eic_assignment_expired.enqueue_many(jobs)
    escalated = [each.request_id for each in ended if each.request.expiries == ESCALATED_AFTER]
    notify_eic_assignment_escalated.enqueue_many([{"stock_request_id": pk} for pk in escalated])
    serve_queues_of(ended)


# --- Offers that are made -------------------------------------------------------------------------------


def follow(offer: Offer) -> None:
    """Tell the driver of his offer, and come back when his time is over."""
    notify_driver_trip_offer.enqueue(offer_id=offer.pk)
    expire_offer.enqueue_at(offer.offered_at + answer_time(), offer_id=offer.pk)


@task(queue=HIGH, timeout=60)
def serve_queue(station_id: int) -> int:
    """Offer requests that wait for a vehicle, the oldest first; returns how many offers were made."""
    made = 0
    for request in (
        requests().filter(IS_OPEN, dbs__parent_station=station_id, status=RequestStatus.QUEUED).order_by("id")
    ):
        made += offer_queued(request)
    return made


@transaction.atomic
def offer_queued(request: StockRequest) -> bool:
    offer = assignments.offer_to_first_in_queue(request, None, now())
    if offer is not None:
        follow(offer)
    return offer is not None


@task(queue=HIGH, timeout=30, every=timedelta(minutes=5), unique=True)
def serve_waiting_queues() -> int:
    """The net below serve_queue: who could not come when a request was queued may be ready by now."""
    queued = StockRequest.objects.filter(IS_OPEN, status=RequestStatus.QUEUED).values("dbs__parent_station")
    stations = list(tokens.stations_with_waiting(now()).filter(pk__in=queued).values_list("pk", flat=True))
    serve_queue.enqueue_many([{"station_id": pk} for pk in stations])
    return len(stations)


def serve_queues_of(ended: Iterable[Offer]) -> None:
    """Vehicles that are free again go to the next request, at each mother station once."""
    asked = StockRequest.objects.filter(pk__in={each.request_id for each in ended})
    queued = StockRequest.objects.filter(IS_OPEN, status=RequestStatus.QUEUED)
    stations = Station.objects.filter(
        pk__in=asked.values("dbs__parent_station"), daughters__in=queued.values("dbs")
    ).distinct()
    serve_queue.enqueue_many([{"station_id": pk} for pk in stations.values_list("pk", flat=True)])


# --- Telling people -------------------------------------------------------------------------------------


@task(queue=NORMAL, timeout=180, retries=PUSH)
def notify_eic_assignment_expired(stock_request_id: int, offer_id: int | None = None) -> int:
    """Tell the EICs that a driver did not answer; returns how many devices were really reached."""
    ended = offers().filter(request=stock_request_id, answer=Answer.EXPIRED)
    offer = ended.get(pk=offer_id) if offer_id else ended.latest("pk")
    return notifications.tell(messages.eics(offer.request), messages.assignment_expired(offer))


@task(queue=NORMAL, timeout=180, retries=PUSH)
def notify_eic_assignment_escalated(stock_request_id: int) -> int:
    """Tell the EICs, by e-mail too, of a request that nobody takes."""
    request = requests().get(pk=stock_request_id)
    return notifications.tell(messages.eics(request), messages.assignment_escalated(request))


@task(queue=NORMAL, timeout=180, retries=PUSH)
def notify_eic_driver_rejected(offer_id: int) -> int:
    """Tell the EICs that a driver declined."""
    offer = offers().get(pk=offer_id)
    return notifications.tell(messages.eics(offer.request), messages.driver_rejected(offer))


@task(queue=NORMAL, timeout=180, retries=PUSH)
def notify_eic_trip_accepted(offer_id: int, trip_id: int) -> int:
    """Tell the EICs that a driver accepted."""
    offer = offers().get(pk=offer_id)
    return notifications.tell(messages.eics(offer.request), messages.trip_accepted(offer, trip_id))


@task(queue=NORMAL, timeout=180, retries=PUSH)
def notify_eic_new_request(stock_request_id: int) -> int:
    """Tell the EICs of the mother station that a daughter asks for gas."""
    request = requests().get(pk=stock_request_id)
    return notifications.tell(messages.eics(request), messages.new_request(request))


@task(queue=HIGH, timeout=60, retries=PUSH)
def notify_driver_trip_offer(offer_id: int) -> int:
    """Offer a trip on the driver's phone; nothing once it is answered."""
    offer = offers().get(pk=offer_id)
    message = messages.trip_offer(offer)
    if offer.answer != Answer.OPEN:
        return notifications.drop(message.key, "The offer ended before it arrived.")
    return notifications.tell([offer.driver.user], message)


@task(queue=HIGH, timeout=60, retries=PUSH)
def notify_driver_offer_withdrawn(offer_id: int) -> int:
    """Tell the driver that an offer is taken back."""
    offer = offers().get(pk=offer_id)
    return notifications.tell([offer.driver.user], messages.offer_withdrawn(offer))


def offers() -> Any:
    return Offer.objects.select_related("driver__user", "request__dbs__parent_station")


def requests() -> Any:
    return StockRequest.objects.select_related("dbs__parent_station")


# --- Trips: what everybody who watches one receives -----------------------------------------------------


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


# --- Trips: what follows from a move --------------------------------------------------------------------


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
    if trip.patient and trip.patient.user:
        notifications.tell([trip.patient.user], trip_messages.completed(trip))
    mail.completed(trip)
    return True


@task(queue=NORMAL, timeout=120, retries=PUSH, name="users.send_trip_assignment_notification")
def send_trip_assignment_notification(trip_id: int, driver_id: int) -> int:
    """Tell a driver that a trip is his; nothing if it is not any more. Returns the devices reached."""
    trip = Trip.objects.select_related("driver__user", "vehicle").get(pk=trip_id)
    if trip.driver is None or trip.driver_id != driver_id or trip.status in trips.ENDED:
        return 0
    key = f"trip:{trip_id}:assigned:{driver_id}:{trip.assigned_at}"  # he may get it back later
    mail.assigned(trip, trip.driver, key)
    return notifications.tell([trip.driver.user], trip_messages.assigned(trip, key))


@task(queue=NORMAL, timeout=120, retries=PUSH, name="users.send_trip_withdrawn_notification")
def send_trip_withdrawn_notification(trip_id: int, driver_id: int, changed_at: str) -> int:
    """Tell a driver that a trip is no longer his."""
    driver = Driver.objects.select_related("user").get(pk=driver_id)
    message = trip_messages.withdrawn(Trip.objects.get(pk=trip_id), f"trip:{trip_id}:withdrawn:{changed_at}")
    return notifications.tell([driver.user], message)


# --- Trips: what the clock says -------------------------------------------------------------------------


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


# --- Billing --------------------------------------------------------------------------------------------


@task(queue=NORMAL, timeout=120, retries=PUSH, name="billing.generate_invoice")
@transaction.atomic
def generate_invoice(trip_id: int) -> int | None:
    """Invoice a completed trip unless that was done; returns the invoice, None where nobody is to pay."""
    issued = invoices.issue(trip_id, now())
    if issued.invoice and issued.is_new:
        send_invoice_email.enqueue(invoice_id=issued.invoice.pk)
    return issued.invoice.pk if issued.invoice else None


@task(queue=LOW, timeout=90, retries=MAIL, name="billing.send_invoice_email")
def send_invoice_email(invoice_id: int) -> bool:
    """Send what waits of an invoice's e-mails, with the PDF; whether any went out now."""
    return mails.send_waiting(invoice_id)


@task(queue=LOW, timeout=600, cron="0 2 * * *", tz=ZONE, unique=True, name="billing.process_overdue_invoices")
def process_overdue_invoices() -> dict[str, int]:
    """Each night: what was due yesterday is overdue, and its payer is reminded once."""
    at = now()
    send_invoice_email.enqueue_many([{"invoice_id": pk} for pk in mails.forgotten(at)])
    return {"overdue_count": sum(make_overdue(pk, at) for pk in overdue.past_due(at))}


@transaction.atomic
def make_overdue(invoice_id: int, at: datetime) -> bool:
    if marked := overdue.mark(invoice_id, at):
        send_invoice_email.enqueue(invoice_id=invoice_id)
    return marked


# --- People ---------------------------------------------------------------------------------------------


@task(queue=LOW, timeout=60, retries=PUSH, name="users.send_notification")
def send_notification(user_id: int, notification_type: str, message: str) -> int:
    """Tell one person something, at the bell and on the phone; returns the devices reached."""
    job = (logs.context.get() or {}).get("job") or uuid4().hex
    told = trip_messages.plain(notification_type, message, f"user:{user_id}:{job}")
    return notifications.tell(User.objects.filter(pk=user_id), told)


@task(queue=LOW, timeout=60, retries=PUSH, name="users.send_welcome_email")
def send_welcome_email(user_id: int) -> bool:
    """Send a new person the link by which to choose a password, once."""
    return mail.welcome(User.objects.get(pk=user_id))


@task(queue=LOW, timeout=60, cron="30 5 * * *", tz=ZONE, unique=True)
def send_daily_digests() -> int:
    """Each morning: one job for each driver; returns how many."""
    drivers = Driver.objects.filter(status=DriverStatus.ACTIVE).values_list("user", flat=True)
    return len(send_daily_digest.enqueue_many([{"user_id": pk} for pk in drivers]))


@task(queue=LOW, timeout=60, retries=PUSH, name="users.send_daily_digest")
def send_daily_digest(user_id: int) -> bool:
    """Send a driver the trips of today, once a day; nothing where there are none."""
    day = local_day(now())
    return mail.digest(User.objects.get(pk=user_id), day, queries.of_driver(user_id, day))


# --- Housekeeping ---------------------------------------------------------------------------------------


@task(queue=LOW, timeout=60, cron="*/15 * * * *", tz=ZONE, unique=True)
def close_tokens_and_shifts() -> dict[str, int]:
    """Close the queue tokens of days that are over, from midnight on, and shifts that have ended."""
    moment = now()
    return {"tokens": tokens.expire(moment), "shifts": shifts.expire(moment)}


@task(queue=LOW, timeout=600, cron="50 3 * * *", unique=True)
def prune_notifications() -> int:
    """Delete the records of pushes and e-mails older than 90 days."""
    return notifications.prune(now())


if settings.DEBUG:

    @task(queue=LOW, timeout=50, every=timedelta(minutes=1), unique=True)
    def live_demo_dispatch() -> dict[str, int]:
        """Keep a demo alive: its drivers answer and drive on, its stations sell and ask for gas."""
        from logistics import demo_life  # above this module, as whatever uses its tasks

        return demo_life.live()
