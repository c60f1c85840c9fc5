"""The queue of vehicles at a mother station: the only writer of tokens."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet

from ims.lib.local_time import local_day
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import RequestStatus, StockRequest, TokenStatus, VehicleToken
from logistics.fleet.models import Driver, Shift, Station, Vehicle, VehicleStatus

BOUND = (RequestStatus.ASSIGNING, RequestStatus.ASSIGNED)


def waiting(ms: Station, at: datetime) -> QuerySet[VehicleToken]:
    """The queue of the day, first come first; a token is good for its day alone."""
    queue = VehicleToken.objects.filter(ms=ms, date=local_day(at), status=TokenStatus.WAITING)
    return queue.order_by("sequence")


def stations_with_waiting(at: datetime) -> QuerySet[Station]:
    """The mother stations where a vehicle waits."""
    queues = VehicleToken.objects.filter(date=local_day(at), status=TokenStatus.WAITING)
    return Station.objects.filter(pk__in=queues.values("ms"))


@transaction.atomic
def join(shift: Shift, at: datetime) -> VehicleToken:
    """Put a driver's vehicle at the end of the queue of its home. Raises Refused."""
    vehicle = Vehicle.objects.select_for_update(no_key=True).get(pk=shift.vehicle_id)
    if vehicle.ms_home is None:
        raise Refused("no_home", f"{vehicle} has no mother station: ask the office to enter one.")
    if vehicle.status != VehicleStatus.AVAILABLE:
        raise Refused("vehicle_busy", f"{vehicle} is not available: {vehicle.get_status_display().lower()}.")
    expire(at, vehicle)
    live = VehicleToken.objects.filter(vehicle=vehicle)
    if current := live.filter(status=TokenStatus.WAITING).first():
        return current
    if live.filter(status=TokenStatus.ALLOCATED, request__status__in=BOUND).exists():
        raise Refused("vehicle_busy", f"{vehicle} is offered or on a trip already.")
    return issue(vehicle.ms_home, vehicle, shift.driver, at)


def issue(ms: Station, vehicle: Vehicle, driver: Driver, at: datetime, **fields: object) -> VehicleToken:
    """The next number of the day. The station is locked, so that two at once get two numbers."""
    with transaction.atomic():
        Station.objects.select_for_update(no_key=True).get(pk=ms.pk)
        day = local_day(at)
        last = VehicleToken.objects.filter(ms=ms, date=day).aggregate(last=Max("sequence"))["last"] or 0
        return VehicleToken.objects.create(
            ms=ms,
            vehicle=vehicle,
            driver=driver,
            date=day,
            sequence=last + 1,
            number=f"MS{ms.pk}-{day:%Y%m%d}-{last + 1:04d}",
            **fields,
        )


def allocate(request: StockRequest, vehicle: Vehicle, at: datetime) -> VehicleToken | None:
    """Take a vehicle that waits out of the queue, for this request; None where it does not wait."""
    ms = request.dbs.parent_station
    mine = VehicleToken.objects.filter(
        ms=ms, vehicle=vehicle, date=local_day(at), status=TokenStatus.WAITING
    ).first()
    if mine is None:
        return None
    taken = VehicleToken.objects.filter(pk=mine.pk, status=TokenStatus.WAITING)
    taken.update(status=TokenStatus.ALLOCATED, request=request, updated_at=at)
    mine.refresh_from_db()
    return mine


def ensure(request: StockRequest, vehicle: Vehicle, driver: Driver, at: datetime) -> VehicleToken:
    """The token under which an accepted request is filled; a vehicle that never waited gets one now."""
    kept = VehicleToken.objects.filter(request=request).first() or allocate(request, vehicle, at)
    if kept is not None:
        return kept
    ms = request.dbs.parent_station
    assert ms is not None
    return issue(ms, vehicle, driver, at, status=TokenStatus.ALLOCATED, request=request)


def free(request_ids: Iterable[int], at: datetime) -> None:
    """Put the vehicles allocated to these requests back to their places in the queue.

    A token of another day is over; so is one whose vehicle waits under a newer one.
    """
    allocated = VehicleToken.objects.filter(request__in=list(request_ids), status=TokenStatus.ALLOCATED)
    waits_again = VehicleToken.objects.filter(vehicle=OuterRef("vehicle"), status=TokenStatus.WAITING)
    allocated.filter(~Exists(waits_again), date=local_day(at)).update(
        status=TokenStatus.WAITING, request=None, updated_at=at
    )
    allocated.update(status=TokenStatus.EXPIRED, request=None, updated_at=at)


def expire(at: datetime, vehicle: Vehicle | None = None) -> int:
    """Close the tokens of days that are over."""
    old = VehicleToken.objects.filter(status=TokenStatus.WAITING, date__lt=local_day(at))
    return (old if vehicle is None else old.filter(vehicle=vehicle)).update(
        status=TokenStatus.EXPIRED, updated_at=at
    )


def leave(driver: Driver, at: datetime) -> bool:
    """Take a driver's vehicle out of the queue."""
    mine = VehicleToken.objects.filter(driver=driver, status=TokenStatus.WAITING)
    return bool(mine.update(status=TokenStatus.EXPIRED, updated_at=at))
