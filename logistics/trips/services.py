"""The moves of a trip: the only writer of its status. Every move is legal, stamped, and made once."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from logistics.fleet.models import Driver, Vehicle, VehicleStatus
from logistics.trips.models import BINDING, Trip, TripStatus

NEXT = {
    TripStatus.PENDING: TripStatus.ASSIGNED,
    TripStatus.ASSIGNED: TripStatus.EN_ROUTE,
    TripStatus.EN_ROUTE: TripStatus.AT_PICKUP,
    TripStatus.AT_PICKUP: TripStatus.IN_TRANSIT,
    TripStatus.IN_TRANSIT: TripStatus.ARRIVED,
    TripStatus.ARRIVED: TripStatus.COMPLETED,
}
ENDED = (TripStatus.COMPLETED, TripStatus.CANCELLED)


class IllegalMove(Exception):
    """The trip cannot go from where it is to where it was told to."""


def is_legal(old: str, new: str) -> bool:
    """One step forward, or cancelled before its end."""
    if new == TripStatus.CANCELLED:
        return old not in ENDED
    return NEXT.get(TripStatus(old)) == new


def move(trip: Trip, status: TripStatus, at: datetime, **fields: object) -> bool:
    """Take a trip to its next status; False where it is there already. Raises IllegalMove.

    A vehicle on its way is not available; at the trip's end it is again.
    """
    with transaction.atomic():
        current = Trip.objects.select_for_update(no_key=True).get(pk=trip.pk)
        if current.status == status:
            return False
        if not is_legal(current.status, status):
            raise IllegalMove(f"A trip that is {current.status} cannot become {status}.")
        stamps = {"status": status, "status_changed_at": at, f"{status}_at": at, "timed_out_at": None}
        Trip.objects.filter(pk=trip.pk, status=current.status).update(**stamps, updated_at=at, **fields)
        _tell_vehicle(current.vehicle, status)
    trip.refresh_from_db()
    return True


def create_delivery(
    *, stock_request_id: int, driver: Driver, vehicle: Vehicle, at: datetime, **places: object
) -> Trip:
    """The trip of a stock request that a driver has accepted."""
    trip = Trip.objects.create(
        stock_request_id=stock_request_id,
        driver=driver,
        vehicle=vehicle,
        status=TripStatus.ASSIGNED,
        assigned_at=at,
        status_changed_at=at,
        scheduled_pickup_time=at,
        **places,
    )
    _tell_vehicle(vehicle, TripStatus.ASSIGNED)
    return trip


def _tell_vehicle(vehicle: Vehicle | None, status: TripStatus) -> None:
    if vehicle is None:
        return
    own = Vehicle.objects.filter(pk=vehicle.pk)
    if status in ENDED:
        own.filter(status=VehicleStatus.IN_TRIP).update(status=VehicleStatus.AVAILABLE)
    else:
        own.filter(status=VehicleStatus.AVAILABLE).update(status=VehicleStatus.IN_TRIP)


def binding(*, driver: Driver | None = None, vehicle: Vehicle | None = None) -> QuerySet[Trip]:
    """The trips that keep this driver or this vehicle from another one."""
    whose = Q()
    if driver is not None:
        whose |= Q(driver=driver)
    if vehicle is not None:
        whose |= Q(vehicle=vehicle)
    return Trip.objects.filter(BINDING).filter(whose)
