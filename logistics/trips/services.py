"""The moves of a trip: the only writer of its status. Every move is legal, stamped, and made once."""

from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from logistics.fleet.models import Driver, Vehicle, VehicleStatus
from logistics.trips.errors import IllegalMove, TripRefused
from logistics.trips.models import BINDING, IN_PROGRESS, Trip, TripStatus

NEXT = {
    TripStatus.PENDING: TripStatus.ASSIGNED,
    TripStatus.ASSIGNED: TripStatus.EN_ROUTE,
    TripStatus.EN_ROUTE: TripStatus.AT_PICKUP,
    TripStatus.AT_PICKUP: TripStatus.IN_TRANSIT,
    TripStatus.IN_TRANSIT: TripStatus.ARRIVED,
    TripStatus.ARRIVED: TripStatus.COMPLETED,
}
ENDED = (TripStatus.COMPLETED, TripStatus.CANCELLED)


def is_legal(old: str, new: str) -> bool:
    """One step forward, or cancelled before its end."""
    if new == TripStatus.CANCELLED:
        return old not in ENDED
    return NEXT.get(TripStatus(old)) == new


def move(trip: Trip, status: TripStatus, at: datetime, **fields: object) -> bool:
    """Take a trip to its next status; False where it is there already. Raises IllegalMove.

    A vehicle on its way is not available; at the trip's end it is again, unless another trip has it.
    """
    try:
        moved = _move(trip.pk, status, at, fields)
    except IntegrityError as error:
        if status != TripStatus.EN_ROUTE:
            raise
        raise IllegalMove("The driver or the vehicle has just started another trip: end it first.") from error
    if moved:
        trip.refresh_from_db()
    return moved


@transaction.atomic
def _move(pk: int, status: TripStatus, at: datetime, fields: dict[str, object]) -> bool:
    current = Trip.objects.select_for_update(no_key=True).get(pk=pk)
    if current.status == status:
        return False
    if not is_legal(current.status, status):
        raise IllegalMove(f"A trip that is {current.status} cannot become {status}.")
    if status == TripStatus.EN_ROUTE:
        _check_free(current)
    stamps = {"status": status, "status_changed_at": at, f"{status}_at": at, "timed_out_at": None}
    Trip.objects.filter(pk=pk).update(**stamps, updated_at=at, **fields)
    _tell_vehicle(current, status)
    return True


def reading_for(trip: Trip, status: TripStatus, odometer_km: Decimal | None) -> dict[str, Decimal]:
    """Which of a trip's two odometer readings this is: at its start or at its end. Raises TripRefused."""
    if odometer_km is None:
        return {}
    if status == TripStatus.EN_ROUTE:
        return {"odometer_start_km": odometer_km}
    if status not in (TripStatus.ARRIVED, TripStatus.COMPLETED):
        raise TripRefused(
            "odometer_now", "The odometer is read at the start, on arrival and at the end.", "odometer_km"
        )
    if trip.odometer_start_km is not None and odometer_km < trip.odometer_start_km:
        raise TripRefused(
            "odometer_back",
            f"It showed {trip.odometer_start_km} km at the start: give what it shows now.",
            "odometer_km",
        )
    return {"odometer_end_km": odometer_km}


def _check_free(trip: Trip) -> None:
    """A driver and a vehicle start one trip at a time; the database holds it, this says it in words."""
    others = binding(driver=trip.driver, vehicle=trip.vehicle).exclude(pk=trip.pk)
    if other := others.first():
        raise IllegalMove(f"The driver or the vehicle is still on trip {other.pk}: end that one first.")


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
    _tell_vehicle(trip, TripStatus.ASSIGNED)
    return trip


def _tell_vehicle(trip: Trip, status: TripStatus) -> None:
    """A vehicle is in a trip from the moment that binds it on."""
    if status in ENDED:
        release(trip)
    elif status in IN_PROGRESS or trip.stock_request_id:
        take(trip.vehicle)


def take(vehicle: Vehicle | None) -> None:
    if vehicle is not None:
        free = Vehicle.objects.filter(pk=vehicle.pk, status=VehicleStatus.AVAILABLE)
        free.update(status=VehicleStatus.IN_TRIP)


def release(trip: Trip) -> bool:
    """Free the vehicle of a trip that has ended; False where it is free, or in another trip by now."""
    if trip.vehicle_id is None:
        return False
    return release_vehicle(trip.vehicle_id)


def release_vehicle(vehicle_id: int) -> bool:
    """Make a vehicle available unless a trip binds it."""
    with transaction.atomic():
        vehicle = Vehicle.objects.select_for_update(no_key=True).get(pk=vehicle_id)
        if vehicle.status != VehicleStatus.IN_TRIP or binding(vehicle=vehicle).exists():
            return False
        Vehicle.objects.filter(pk=vehicle_id).update(status=VehicleStatus.AVAILABLE)
        return True


def binding(*, driver: Driver | None = None, vehicle: Vehicle | None = None) -> QuerySet[Trip]:
    """The trips that keep this driver or this vehicle from another one."""
    whose = Q(pk__in=[])
    if driver is not None:
        whose |= Q(driver=driver)
    if vehicle is not None:
        whose |= Q(vehicle=vehicle)
    return Trip.objects.filter(BINDING).filter(whose)
