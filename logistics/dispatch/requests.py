"""The life of a stock request outside of offers: asked for, approved, rejected, cancelled, delivered.

Every change is one conditional UPDATE: who comes second changes nothing and is told so.
"""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from ims.accounts.models import User
from logistics.dispatch import tokens
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import ASSIGNABLE, OPEN, Answer, Offer, Priority, RequestStatus, StockRequest
from logistics.fleet.models import Station
from logistics.trips import services as trips
from logistics.trips.models import Trip, TripStatus

NOBODYS = {"target_driver": None, "assignment_started_at": None, "assignment_mode": None}


def create(
    dbs: Station, quantity_kg: Decimal, by: User | None, priority: str = Priority.NORMAL, notes: str = ""
) -> StockRequest:
    """A station asks for gas."""
    return StockRequest.objects.create(
        dbs=dbs, requested_qty_kg=quantity_kg, priority=priority, requested_by=by, notes=notes
    )


def approve(request: StockRequest, by: User, at: datetime, notes: str = "") -> None:
    """Accepted by the EIC, without a driver yet. Raises Refused."""
    _move(
        request,
        (RequestStatus.PENDING,),
        RequestStatus.APPROVED,
        at,
        approved_by=by,
        approved_at=at,
        **_noted(notes),
    )


def queue(request: StockRequest, by: User, at: datetime, notes: str = "") -> None:
    """Accepted by the EIC; the first vehicle that waits is to take it. Raises Refused."""
    _move(
        request,
        (RequestStatus.PENDING, RequestStatus.APPROVED),
        RequestStatus.QUEUED,
        at,
        approved_by=by,
        approved_at=at,
        **_noted(notes),
    )


def reject(request: StockRequest, by: User, at: datetime, reason: str = "") -> None:
    """The EIC says no. Raises Refused."""
    _move(
        request, ASSIGNABLE, RequestStatus.REJECTED, at, rejected_by=by, rejected_at=at, reason=reason[:500]
    )


@transaction.atomic
def cancel(
    request: StockRequest, at: datetime, reason: str = "", *, may_recall: bool = False
) -> Offer | None:
    """Take a request back; returns the offer, open or accepted, that ended with it. Raises Refused.

    `may_recall`: also where a driver is under way to fill it, whose trip is then cancelled.
    """
    statuses = OPEN if may_recall else (*ASSIGNABLE, RequestStatus.ASSIGNING)
    recalled = _recall(request, at) if may_recall else None
    _move(request, statuses, RequestStatus.CANCELLED, at, reason=reason[:500], **NOBODYS)
    tokens.free([request.pk], at)
    return close_offer(request.pk, Answer.WITHDRAWN, at, reason) or recalled


def _recall(request: StockRequest, at: datetime) -> Offer | None:
    """Cancel the trip that is under way to fill it; returns the offer by which its driver has it."""
    trip = Trip.objects.filter(stock_request=request).first()
    if trip is None:
        return None
    if trip.status in (TripStatus.IN_TRANSIT, TripStatus.ARRIVED):
        raise Refused("under_way", "The gas is on its way to the station: it cannot be cancelled any more.")
    if trip.status not in trips.ENDED:
        trips.move(trip, TripStatus.CANCELLED, at)
    return Offer.objects.filter(request=request, answer=Answer.ACCEPTED).first()


@transaction.atomic
def complete(trip: Trip, at: datetime, delivered_kg: Decimal | None = None) -> bool:
    """End the delivery of a request: the station has the gas, once. False where that was done before."""
    request = StockRequest.objects.select_related("dbs").get(trip=trip)
    brought = request.requested_qty_kg if delivered_kg is None else delivered_kg
    if not trips.move(trip, TripStatus.COMPLETED, at, delivered_kg=brought):
        return False
    _move(request, (RequestStatus.ASSIGNED,), RequestStatus.COMPLETED, at)
    stock = F("current_stock_kg") + brought
    Station.objects.filter(pk=request.dbs_id).update(current_stock_kg=stock, updated_at=at)
    return True


def close_offer(request_id: int, answer: Answer, at: datetime, reason: str = "") -> Offer | None:
    """Keep how the open offer of a request ended."""
    offer = (
        Offer.objects.filter(request=request_id, answer=Answer.OPEN).select_related("driver__user").first()
    )
    if offer is not None:
        offer.answer, offer.answered_at, offer.reason = answer, at, reason[:500]
        offer.save(update_fields=["answer", "answered_at", "reason"])
    return offer


def _move(
    request: StockRequest, old: tuple[RequestStatus, ...], new: RequestStatus, at: datetime, **fields: object
) -> None:
    """Compare and set. Raises Refused where the request is elsewhere by now."""
    here = StockRequest.objects.filter(pk=request.pk, status__in=old)
    if not here.update(status=new, updated_at=at, **fields):
        request.refresh_from_db()
        raise illegal(request, new)
    request.refresh_from_db()


def illegal(request: StockRequest, new: RequestStatus) -> Refused:
    now_it_is = request.get_status_display().lower()
    return Refused(
        "not_available",
        f"The request cannot become {new}: it is {request.status} ({now_it_is}). Reload, and choose again.",
        "status",
    )


def _noted(notes: str) -> dict[str, str]:
    return {"notes": notes} if notes else {}
