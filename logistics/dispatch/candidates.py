"""Which drivers a trip can be offered to now, and why not the others."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from ims.lib.local_time import local, local_day, midnight
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import Answer, Offer, RequestStatus, StockRequest
from logistics.fleet import shifts
from logistics.fleet.models import (
    Driver,
    DriverStatus,
    Shift,
    ShiftStatus,
    Station,
    Vehicle,
    VehicleStatus,
)
from logistics.trips import services as trips
from logistics.trips.models import BINDING, Trip

FIELD = "driver_id"
JUST_NOW = timedelta(minutes=30)  # for so long a refusal is worth a warning


@dataclass(frozen=True)
class Candidate:
    """A driver who could take a trip."""

    driver: Driver
    shift: Shift
    trips_today: int
    warning: str = ""


def ready_shift(driver: Driver, ms: Station | None, at: datetime) -> Shift:
    """The shift on which this driver, who is locked, can take a trip of this mother station now.

    Locks its vehicle. Raises Refused with the reason why not.
    """
    shift = shifts.active_shift(driver, at)
    _check_home(driver, shift.vehicle if shift else driver.assigned_vehicle, ms)
    if driver.status != DriverStatus.ACTIVE:
        raise Refused("driver_not_active", f"{driver.name} is {driver.get_status_display().lower()}.", FIELD)
    if shift is None:
        raise Refused("no_active_shift", f"{driver.name} has no approved shift now.", FIELD)
    if StockRequest.objects.filter(target_driver=driver, status=RequestStatus.ASSIGNING).exists():
        raise Refused("driver_has_offer", f"{driver.name} has another open offer.", FIELD)
    if trips.binding(driver=driver).exists():
        raise Refused("driver_on_trip", f"{driver.name} is on a trip.", FIELD)
    _check_vehicle(Vehicle.objects.select_for_update(no_key=True).get(pk=shift.vehicle_id))
    return shift


def _check_home(driver: Driver, vehicle: Vehicle | None, ms: Station | None) -> None:
    """A driver is where his vehicle is at home. Of another station's driver not even the name is told."""
    if vehicle is not None and ms is not None and vehicle.ms_home_id not in (ms.pk, None):
        sentence = f"Driver {driver.pk} drives for another mother station: choose one of {ms.name}."
        raise Refused("driver_elsewhere", sentence, FIELD)


def _check_vehicle(vehicle: Vehicle) -> None:
    if vehicle.status == VehicleStatus.MAINTENANCE:
        raise Refused("vehicle_not_available", f"{vehicle} is under maintenance.", FIELD)
    offered = Offer.objects.filter(vehicle=vehicle, answer=Answer.OPEN)
    if offered.exists() or trips.binding(vehicle=vehicle).exists():
        sentence = f"{vehicle} is offered or on a trip with another driver."
        raise Refused("vehicle_not_available", sentence, FIELD)


def available(ms: Station, at: datetime, request: StockRequest | None = None) -> list[Candidate]:
    """The drivers of this mother station who could take a trip now, those with the fewest trips today first.

    Who just declined, or declined this very request, comes with a warning.
    """
    active = list(_approved(ms))
    on_duty = {pk: shift for pk, shift in shifts.active_shifts(active, at).items() if _is_at(shift, ms)}
    busy_drivers, busy_vehicles = _busy(on_duty.values())
    free = [
        driver
        for driver in active
        if driver.pk in on_duty
        and driver.pk not in busy_drivers
        and on_duty[driver.pk].vehicle_id not in busy_vehicles
    ]
    counts, warnings = _trips_today(free, at), _warnings(free, at, request)
    found = [
        Candidate(driver, on_duty[driver.pk], counts[driver.pk], warnings.get(driver.pk, ""))
        for driver in free
    ]
    return sorted(found, key=lambda each: (bool(each.warning), each.trips_today, each.driver.name))


def _approved(ms: Station) -> QuerySet[Driver]:
    """Active drivers with an approved shift on a vehicle of this station."""
    approved = Shift.objects.filter(status=ShiftStatus.APPROVED)
    here = approved.filter(Q(vehicle__ms_home=ms) | Q(vehicle__ms_home=None))
    drivers = Driver.objects.filter(status=DriverStatus.ACTIVE, pk__in=here.values("driver"))
    return drivers.select_related("user")


def _is_at(shift: Shift, ms: Station) -> bool:
    vehicle = shift.vehicle
    return vehicle.ms_home_id in (ms.pk, None) and vehicle.status != VehicleStatus.MAINTENANCE


def _busy(on_duty: Iterable[Shift]) -> tuple[set[int | None], set[int | None]]:
    """Which of these drivers and vehicles have an open offer or a trip, by their ids."""
    some = list(on_duty)
    whose = Q(driver__in=[shift.driver_id for shift in some]) | Q(
        vehicle__in=[shift.vehicle_id for shift in some]
    )
    of_offers = Offer.objects.filter(whose, answer=Answer.OPEN).values_list("driver", "vehicle")
    of_trips = Trip.objects.filter(BINDING).filter(whose).values_list("driver", "vehicle")
    offered = StockRequest.objects.filter(status=RequestStatus.ASSIGNING).values_list(
        "target_driver", flat=True
    )
    pairs = [*of_offers, *of_trips]
    return {*offered, *(driver for driver, _ in pairs)}, {vehicle for _, vehicle in pairs}


def _trips_today(drivers: Iterable[Driver], at: datetime) -> Counter[int]:
    """How many trips each has had since midnight, where operations are."""
    begun = Trip.objects.filter(driver__in=list(drivers), assigned_at__gte=midnight(local_day(at)))
    return Counter(begun.exclude(status="cancelled").values_list("driver", flat=True))


def _warnings(drivers: Iterable[Driver], at: datetime, request: StockRequest | None) -> dict[int, str]:
    """A sentence on each driver's newest refusal, if it was just now or of this request."""
    matters = Q(answered_at__gte=at - JUST_NOW)
    if request is not None:
        matters |= Q(request=request)
    refused = Offer.objects.filter(matters, driver__in=list(drivers), answer__in=REFUSALS)
    newest = {offer.driver_id: offer for offer in refused.order_by("answered_at")}
    return {driver: _sentence(offer, request) for driver, offer in newest.items()}


REFUSALS = {Answer.REJECTED: "Declined", Answer.EXPIRED: "Did not answer"}


def _sentence(offer: Offer, request: StockRequest | None) -> str:
    what = "this trip" if request is not None and offer.request_id == request.pk else "another trip"
    assert offer.answered_at is not None
    when = local(offer.answered_at)
    reason = f": {offer.reason}" if offer.reason else ""
    return f"{REFUSALS[Answer(offer.answer)]} {what} at {when:%H:%M}{reason}"
