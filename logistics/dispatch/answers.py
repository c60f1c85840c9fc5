"""The driver's answer to an offer. How it and the expiry keep out of each other's way: see assignments.py."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from logistics.dispatch import tokens
from logistics.dispatch.assignments import closed, give_back, lock_driver
from logistics.dispatch.errors import NotYours, Refused, TooLate, Unknown
from logistics.dispatch.models import Answer, Offer, RequestStatus, StockRequest, VehicleToken, answer_time
from logistics.fleet import shifts
from logistics.fleet.models import Driver, DriverStatus, Vehicle, VehicleStatus
from logistics.trips import services as trips
from logistics.trips.models import Trip


@dataclass(frozen=True)
class Acceptance:
    """A trip that a driver has taken; `is_new` is False where he had taken it before."""

    trip: Trip
    token: VehicleToken
    offer: Offer
    is_new: bool


@transaction.atomic
def accept(request_id: int, driver: Driver, at: datetime) -> Acceptance:
    """The driver takes the trip. A second time says the same and makes nothing.

    Raises Unknown, NotYours, TooLate or Refused.
    """
    driver = lock_driver(driver.pk) or driver
    request = _request(request_id)
    if taken := _taken_before(request, driver):
        return taken
    _check_open(request, driver, at)
    offer = _open_offer(request, driver, at)
    vehicle = _vehicle_for(offer, driver, at)
    _take(request, driver, at)
    trip = trips.create_delivery(
        stock_request_id=request.pk, driver=driver, vehicle=vehicle, at=at, **_places(request)
    )
    token = tokens.ensure(request, vehicle, driver, at)
    _answer(offer, Answer.ACCEPTED, at)
    return Acceptance(trip, token, offer, is_new=True)


@transaction.atomic
def reject(request_id: int, driver: Driver, at: datetime, reason: str = "") -> tuple[Offer, bool]:
    """The driver declines; returns the offer and whether this was news.

    Raises Unknown, NotYours, TooLate or Refused.
    """
    request = _request(request_id)
    last = request.offers.filter(driver=driver).select_related("driver__user", "request__dbs").first()
    if last and last.answer == Answer.REJECTED and request.status != RequestStatus.ASSIGNING:
        return last, False
    _check_open(request, driver, at)
    _open_offer(request, driver, at)
    in_time = StockRequest.objects.filter(pk=request_id, assignment_started_at__gt=at - answer_time())
    if not give_back(in_time.filter(target_driver=driver), at):
        raise _gone(request)
    tokens.free([request_id], at)
    return closed(request_id, Answer.REJECTED, at, reason), True


def open_offers(drivers: Iterable[Driver], at: datetime) -> QuerySet[StockRequest]:
    """What is offered to these drivers and may still be answered, the one that ends first at the top."""
    offered = StockRequest.objects.filter(
        target_driver__in=list(drivers),
        status=RequestStatus.ASSIGNING,
        assignment_started_at__gt=at - answer_time(),
    )
    return offered.select_related("dbs__parent_station").order_by("assignment_started_at")


def _request(request_id: int) -> StockRequest:
    request = StockRequest.objects.select_related("dbs__parent_station").filter(pk=request_id).first()
    if request is None:
        raise Unknown("not_found", f"There is no stock request {request_id}.", "stock_request_id")
    return request


def _taken_before(request: StockRequest, driver: Driver) -> Acceptance | None:
    """The same driver's earlier acceptance: his first answer got lost, or he touched twice."""
    trip = Trip.objects.filter(stock_request=request, driver=driver).exclude(status__in=trips.ENDED).first()
    if trip is None or request.status != RequestStatus.ASSIGNED:
        return None
    offer = request.offers.filter(driver=driver, answer=Answer.ACCEPTED).first()
    token = VehicleToken.objects.filter(request=request).first()
    return Acceptance(trip, token, offer, is_new=False) if offer and token else None


def _check_open(request: StockRequest, driver: Driver, at: datetime) -> None:
    if request.status != RequestStatus.ASSIGNING:
        raise _gone(request)
    if request.target_driver_id != driver.pk:
        raise NotYours("not_yours", "This trip is offered to another driver.", "stock_request_id")
    if request.expires_at is None or request.expires_at <= at:
        raise TooLate(
            "expired", "The time to answer is over; the offer is no longer available.", "stock_request_id"
        )


def _gone(request: StockRequest) -> Refused:
    return Refused("not_available", "This trip is no longer available.", "stock_request_id")


def _vehicle_for(offer: Offer, driver: Driver, at: datetime) -> Vehicle:
    """The vehicle of the offer, locked, while the driver is still on duty."""
    if driver.status != DriverStatus.ACTIVE:
        raise Refused(
            "driver_not_active", f"You are {driver.get_status_display().lower()}: ask your EIC.", "driver"
        )
    shift = shifts.active_shift(driver, at)
    if shift is None:
        raise Refused(
            "no_active_shift", "You have no approved shift now: ask your EIC to approve one.", "driver"
        )
    vehicle = Vehicle.objects.select_for_update(no_key=True).get(pk=offer.vehicle_id or shift.vehicle_id)
    if vehicle.status == VehicleStatus.MAINTENANCE:
        raise Refused("in_maintenance", f"{vehicle} is in maintenance by now: decline, and ask your EIC.")
    if trips.binding(driver=driver, vehicle=vehicle).exists():
        raise Refused("on_trip", f"You or {vehicle} are on another trip: end it first.", "driver")
    return vehicle


def _take(request: StockRequest, driver: Driver, at: datetime) -> None:
    """The one UPDATE that decides between the answer and the expiry."""
    mine = StockRequest.objects.filter(
        pk=request.pk,
        status=RequestStatus.ASSIGNING,
        target_driver=driver,
        assignment_started_at__gt=at - answer_time(),
    )
    if not mine.update(status=RequestStatus.ASSIGNED, updated_at=at):
        raise _gone(request)
    request.refresh_from_db()


def _places(request: StockRequest) -> dict[str, object]:
    ms, dbs = request.dbs.parent_station, request.dbs
    return {
        "pickup_place": ms.name if ms else "",
        "pickup_lat": ms.lat if ms else None,
        "pickup_lng": ms.lng if ms else None,
        "dropoff_place": dbs.name,
        "dropoff_lat": dbs.lat,
        "dropoff_lng": dbs.lng,
    }


def _open_offer(request: StockRequest, driver: Driver, at: datetime) -> Offer:
    """The offer that is answered; where outside code made none, its history begins now."""
    known = Offer.objects.select_related("driver__user", "request__dbs", "vehicle")
    offer = known.filter(request=request, answer=Answer.OPEN).first()
    if offer is None:
        started = request.assignment_started_at or at
        offer = Offer.objects.create(request=request, driver=driver, offered_at=started)
    return offer


def _answer(offer: Offer, answer: Answer, at: datetime) -> None:
    offer.answer, offer.answered_at = answer, at
    offer.save(update_fields=["answer", "answered_at"])
