"""Offers of trips: made, waited for, taken back when their time is over, and the queues of vehicles."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils.timezone import now

from logistics.dispatch import assignments, expiry, tokens
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import (
    ESCALATED_AFTER,
    IS_OPEN,
    Answer,
    Offer,
    RequestStatus,
    StockRequest,
    answer_time,
)
from logistics.fleet.models import Station
from logistics.tasks.dispatch_news import (
    notify_driver_trip_offer,
    notify_eic_assignment_escalated,
    notify_eic_assignment_expired,
    requests,
)
from scheduling import HIGH, task

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
    offer = Offer.objects.select_related("request").filter(pk=offer_id, answer=Answer.OPEN).first()
    if offer is None:
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


def offer_queued(request: StockRequest) -> bool:
    """Offer one, if a vehicle can come; False also where somebody decided on it since it was read."""
    try:
        with transaction.atomic():
            offer = assignments.offer_to_first_in_queue(request, None, now())
            if offer is not None:
                follow(offer)
    except Refused:
        return False
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
