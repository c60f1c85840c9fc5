"""What people do in dispatch, over the API or on a page: a service, and the jobs that follow from it.

Both are one transaction: no job for what did not happen, and nothing happens without its job.
"""

from decimal import Decimal

from django.db import transaction
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib import audit
from logistics import tasks
from logistics.dispatch import answers, assignments, requests, tokens
from logistics.dispatch.answers import Acceptance
from logistics.dispatch.errors import TooLate
from logistics.dispatch.models import Offer, Priority, RequestStatus, StockRequest, VehicleToken
from logistics.fleet.models import Driver, Shift, Station
from logistics.trips import services as trips
from logistics.trips.models import Trip, TripStatus

# --- The daughter station -------------------------------------------------------------------------------


@transaction.atomic
def ask_for_gas(
    dbs: Station, quantity_kg: Decimal, by: User | None, priority: str = Priority.NORMAL, notes: str = ""
) -> StockRequest:
    request = requests.create(dbs, quantity_kg, by, priority, notes)
    tasks.notify_eic_new_request.enqueue(stock_request_id=request.pk)
    return request


@transaction.atomic
def cancel(request: StockRequest, by: User, reason: str = "", *, may_recall: bool = False) -> None:
    before = request.status
    ended = requests.cancel(request, now(), reason, may_recall=may_recall)
    if ended is not None:
        tasks.notify_driver_offer_withdrawn.enqueue(offer_id=ended.pk)
        tasks.serve_queues_of([ended])
    if recalled := Trip.objects.filter(stock_request=request, status=TripStatus.CANCELLED).first():
        tasks.follow_move(recalled)
    _note("cancel", request, by, before)


# --- The EIC --------------------------------------------------------------------------------------------


@transaction.atomic
def assign(request: StockRequest, driver_id: int, by: User | None, notes: str = "") -> Offer:
    """Offer the trip to a driver; he is told, and its end is awaited."""
    before = request.status
    offer = assignments.offer_to(request, driver_id, by, now(), notes)
    tasks.follow(offer)
    _note("assign", request, by, before, driver=driver_id)
    return offer


@transaction.atomic
def approve(request: StockRequest, by: User, notes: str = "") -> Offer | None:
    """Accept a request; where a vehicle waits, its driver is offered the trip at once."""
    offer = _offer_to_queue(request, by, notes)
    if offer is None:
        requests.approve(request, by, now(), notes)
        _note("approve", request, by, RequestStatus.PENDING)
    return offer


@transaction.atomic
def assign_next(request: StockRequest, by: User, notes: str = "") -> Offer | None:
    """Offer the trip to the first vehicle in the queue, or let the request wait for one."""
    before = request.status
    offer = _offer_to_queue(request, by, notes)
    if offer is None and request.status != RequestStatus.QUEUED:
        requests.queue(request, by, now(), notes)
        _note("queue", request, by, before)
    return offer


def _offer_to_queue(request: StockRequest, by: User | None, notes: str = "") -> Offer | None:
    before = request.status
    offer = assignments.offer_to_first_in_queue(request, by, now(), notes)
    if offer is not None:
        tasks.follow(offer)
        _note("assign", request, by, before, driver=offer.driver_id)
    return offer


@transaction.atomic
def reject(request: StockRequest, by: User, reason: str = "") -> None:
    before = request.status
    requests.reject(request, by, now(), reason)
    _note("reject", request, by, before)


@transaction.atomic
def withdraw(request: StockRequest, by: User, reason: str = "") -> None:
    offer = assignments.withdraw(request, now(), reason)
    tasks.notify_driver_offer_withdrawn.enqueue(offer_id=offer.pk)
    tasks.serve_queues_of([offer])
    _note("withdraw", request, by, RequestStatus.ASSIGNING)


# --- The driver -----------------------------------------------------------------------------------------


def accept(request_id: int, driver: Driver) -> Acceptance:
    """Take a trip. One whose time is over is taken back at once. Raises Refused and its kin."""
    try:
        with transaction.atomic():
            taken = answers.accept(request_id, driver, now())
            if taken.is_new:
                tasks.notify_eic_trip_accepted.enqueue(offer_id=taken.offer.pk, trip_id=taken.trip.pk)
            return taken
    except TooLate:
        tasks.expire_now(request_id)
        raise


def decline(request_id: int, driver: Driver, reason: str = "") -> None:
    """Decline a trip. One whose time is over is taken back at once. Raises Refused and its kin."""
    try:
        with transaction.atomic():
            offer, is_news = answers.reject(request_id, driver, now(), reason)
            if is_news:
                tasks.notify_eic_driver_rejected.enqueue(offer_id=offer.pk)
                tasks.serve_queues_of([offer])
    except TooLate:
        tasks.expire_now(request_id)
        raise


@transaction.atomic
def join_queue(shift: Shift) -> VehicleToken:
    """Line up at the mother station; a request that waits for a vehicle is offered soon."""
    token = tokens.join(shift, now())
    tasks.serve_queue.enqueue(station_id=token.ms_id)
    return token


@transaction.atomic
def move_trip(
    trip: Trip, status: TripStatus, delivered_kg: Decimal | None = None, **odometer: Decimal
) -> bool:
    """Take a trip to its next status; the end of a delivery fills the station's stock, once."""
    if status == TripStatus.COMPLETED and trip.stock_request_id:
        moved = requests.complete(trip, now(), delivered_kg)
        if moved and odometer:
            Trip.objects.filter(pk=trip.pk).update(**odometer)
    else:
        moved = trips.move(trip, status, now(), **odometer)
    if moved:
        tasks.follow_move(trip)
    return moved


def _note(action: str, request: StockRequest, by: User | None, before: str, **after: object) -> None:
    request.refresh_from_db()
    audit.record(
        f"request.{action}",
        f"stock_request:{request.pk}",
        by,
        before={"status": str(before)},
        after={"status": request.status, **after},
    )
