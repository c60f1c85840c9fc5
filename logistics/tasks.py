"""Background jobs of dispatch, and the queue of each: the whole fleet's policy on two screens.

What follows from a change is enqueued in the change's own transaction, so that neither is lost without the
other, and nobody is told of what did not happen.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

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
from logistics.fleet.models import Station
from logistics.notifications import services as notifications
from scheduling import HIGH, LOW, NORMAL, Retry, task

PUSH = Retry(attempts=notifications.MOST_TRIES, delay=10, factor=3, max_delay=600)


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


# --- Housekeeping ---------------------------------------------------------------------------------------


@task(queue=LOW, timeout=60, cron="*/15 * * * *", tz=settings.OPERATIONS_TIME_ZONE, unique=True)
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
