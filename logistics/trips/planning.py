"""What dispatchers plan: transports, who drives them, and their end before time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from ims.accounts.models import User
from logistics.fleet.models import Driver, DriverStatus, Vehicle, VehicleStatus
from logistics.trips import services
from logistics.trips.errors import TripRefused
from logistics.trips.models import IN_PROGRESS, Trip, TripStatus

ON_THE_BOARD = "This trip delivers a stock request: its engineer in charge decides on the dispatch board."


@dataclass(frozen=True)
class Crew:
    driver: Driver
    vehicle: Vehicle
    paramedic: User | None = None


@dataclass(frozen=True)
class Assignment:
    """What an assignment changed: `former` is the driver who had the trip before."""

    trip: Trip
    former: Driver | None
    is_new: bool


def create(**facts: Any) -> Trip:
    """A transport that nobody drives yet. Raises TripRefused."""
    trip = Trip(status=TripStatus.PENDING, **facts)
    try:
        trip.clean()
    except ValidationError as refusal:
        raise TripRefused("contract_over", " ".join(refusal.messages), "contract_id") from refusal
    trip.save()
    return trip


@transaction.atomic
def assign(trip: Trip, crew: Crew, at: datetime) -> Assignment:
    """Give a trip its crew, or another one while it is under way. Raises TripRefused."""
    current = Trip.objects.select_for_update(no_key=True).get(pk=trip.pk)
    # Locked in the order in which dispatch locks them too.
    driver = Driver.objects.select_for_update(no_key=True).get(pk=crew.driver.pk)
    vehicle = Vehicle.objects.select_for_update(no_key=True).get(pk=crew.vehicle.pk)
    _check_open(current)
    _check_crew(current, driver, vehicle)
    former, before = current.driver, current.vehicle_id
    if (former, before, current.paramedic) == (driver, vehicle.pk, crew.paramedic):
        return Assignment(trip, former, is_new=False)
    given = at if former != driver else current.assigned_at
    Trip.objects.filter(pk=trip.pk).update(
        driver=driver, vehicle=vehicle, paramedic=crew.paramedic, assigned_at=given, updated_at=at
    )
    if current.status == TripStatus.PENDING:
        services.move(trip, TripStatus.ASSIGNED, at)
    elif current.status in IN_PROGRESS and before != vehicle.pk:
        _change_vehicle(before, vehicle)
    trip.refresh_from_db()
    return Assignment(trip, former, is_new=True)


@transaction.atomic
def cancel(trip: Trip, at: datetime, reason: str = "") -> bool:
    """End a transport before its time; False where that was done before. Raises TripRefused."""
    if trip.stock_request_id:
        raise TripRefused("delivery", ON_THE_BOARD)
    return services.move(trip, TripStatus.CANCELLED, at, reason=reason[:500])


def _check_open(trip: Trip) -> None:
    if trip.stock_request_id:
        raise TripRefused("delivery", ON_THE_BOARD)
    if trip.status in services.ENDED:
        raise TripRefused("ended", f"The trip is {trip.status}: make a new one instead.", "status")


def _check_crew(trip: Trip, driver: Driver, vehicle: Vehicle) -> None:
    if driver.status != DriverStatus.ACTIVE:
        status = driver.get_status_display().lower()
        raise TripRefused("driver_not_active", f"{driver.name} is {status}: choose another.", "driver_id")
    if vehicle.status == VehicleStatus.MAINTENANCE:
        raise TripRefused("in_maintenance", f"{vehicle} is in maintenance: choose another.", "vehicle_id")
    if trip.status not in IN_PROGRESS:
        return  # it is planned; whether they are free is asked when it starts
    for field, busy in (
        ("driver_id", services.binding(driver=driver)),
        ("vehicle_id", services.binding(vehicle=vehicle)),
    ):
        if other := busy.exclude(pk=trip.pk).first():
            who = driver.name if field == "driver_id" else vehicle
            raise TripRefused("on_trip", f"{who} is on trip {other.pk}: choose another.", field)


def _change_vehicle(before: int | None, vehicle: Vehicle) -> None:
    """In mid-trip: the new vehicle is taken, the old one is free."""
    services.take(vehicle)
    if before is not None:
        services.release_vehicle(before)
