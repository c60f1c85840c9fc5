"""Which drivers a trip can be offered to now, and why not the others."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from logistics.dispatch.errors import Refused
from logistics.dispatch.models import Answer, Offer, RequestStatus, StockRequest
from logistics.fleet import shifts
from logistics.fleet.models import Driver, DriverStatus, Shift, Station, Vehicle, VehicleStatus, local
from logistics.trips import services as trips
from logistics.trips.models import Trip

FIELD = "driver_id"
JUST_NOW = timedelta(minutes=30)  # for so long a refusal is worth a warning


@dataclass(frozen=True)
class Candidate:
    """A driver who could take a trip."""

    driver: Driver
    shift: Shift
    trips_today: int
    warning: str = ""


def ready_shift(driver: Driver, at: datetime) -> Shift:
    """The shift on which this driver, who is locked, can take a trip now. Locks its vehicle.

    Raises Refused with the reason why not.
    """
    if driver.status != DriverStatus.ACTIVE:
        raise Refused("driver_not_active", f"{driver.name} is {driver.get_status_display().lower()}.", FIELD)
    shift = shifts.active_shift(driver, at)
    if shift is None:
        raise Refused("no_active_shift", f"{driver.name} has no approved shift now.", FIELD)
    if StockRequest.objects.filter(target_driver=driver, status=RequestStatus.ASSIGNING).exists():
        raise Refused("driver_has_offer", f"{driver.name} has another open offer.", FIELD)
    if trips.binding(driver=driver).exists():
        raise Refused("driver_on_trip", f"{driver.name} is on a trip.", FIELD)
    _check_vehicle(Vehicle.objects.select_for_update(no_key=True).get(pk=shift.vehicle_id))
    return shift


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
    active = list(Driver.objects.filter(status=DriverStatus.ACTIVE).select_related("user"))
    on_duty = shifts.active_shifts(active, at)
    ready = [driver for driver in active if driver.pk in on_duty and _is_at(on_duty[driver.pk], ms)]
    busy_drivers, busy_vehicles = _busy()
    free = [
        driver
        for driver in ready
        if driver.pk not in busy_drivers and on_duty[driver.pk].vehicle_id not in busy_vehicles
    ]
    counts, warnings = _trips_today(free, at), _warnings(free, at, request)
    found = [
        Candidate(driver, on_duty[driver.pk], counts[driver.pk], warnings.get(driver.pk, ""))
        for driver in free
    ]
    return sorted(found, key=lambda each: (bool(each.warning), each.trips_today, each.driver.name))


def _is_at(shift: Shift, ms: Station) -> bool:
    vehicle = shift.vehicle
    return vehicle.ms_home_id in (ms.pk, None) and vehicle.status != VehicleStatus.MAINTENANCE


def _busy() -> tuple[set[int], set[int]]:
    """The ids of drivers and vehicles with an open offer or a trip."""
    offered = StockRequest.objects.filter(status=RequestStatus.ASSIGNING).values_list(
        "target_driver", flat=True
    )
    of_offers = Offer.objects.filter(answer=Answer.OPEN).values_list("driver", "vehicle")
    of_trips = trips.binding().values_list("driver", "vehicle")
    pairs = [*of_offers, *of_trips]
    return {*offered, *(driver for driver, _ in pairs)}, {vehicle for _, vehicle in pairs}


def _trips_today(drivers: Iterable[Driver], at: datetime) -> Counter[int]:
    """How many trips each has had since midnight, where operations are."""
    midnight = local(at).replace(hour=0, minute=0, second=0, microsecond=0)
    begun = Trip.objects.filter(driver__in=list(drivers), assigned_at__gte=midnight)
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
    when = offer.answered_at.astimezone(ZoneInfo(settings.OPERATIONS_TIME_ZONE))
    reason = f": {offer.reason}" if offer.reason else ""
    return f"{REFUSALS[Answer(offer.answer)]} {what} at {when:%H:%M}{reason}"
