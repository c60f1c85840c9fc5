"""Shifts: proposed by a driver, decided by an EIC, over by themselves. The only writer of shifts."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.timezone import now

from ims.accounts.models import User
from logistics.fleet.models import Driver, Shift, ShiftStatus, Station, Vehicle

OPEN = (ShiftStatus.PENDING, ShiftStatus.APPROVED)


def active_shift(driver: Driver, at: datetime) -> Shift | None:
    """The approved shift that this driver is on."""
    return active_shifts([driver], at).get(driver.pk)


def active_shifts(drivers: Iterable[Driver], at: datetime) -> dict[int, Shift]:
    """Per driver id the approved shift that is on, the one that began last where there are several."""
    approved = Shift.objects.filter(driver__in=list(drivers), status=ShiftStatus.APPROVED)
    current = approved.filter(Q(is_recurring=True) | Q(start__lte=at, end__gt=at))
    found = current.select_related("vehicle").order_by("start", "pk")
    return {shift.driver_id: shift for shift in found if shift.covers(at)}


def propose(
    driver: Driver, vehicle: Vehicle, start: datetime, end: datetime, *, is_recurring: bool = False
) -> Shift:
    """A driver asks for a shift; an EIC decides."""
    shift = Shift(driver=driver, vehicle=vehicle, start=start, end=end, is_recurring=is_recurring)
    shift.full_clean()
    shift.save()
    return shift


def to_decide(stations: QuerySet[Station]) -> QuerySet[Shift]:
    """Shifts that wait for a decision at these mother stations, the next one first."""
    waiting = Shift.objects.filter(status=ShiftStatus.PENDING)
    at_home = Q(vehicle__ms_home__in=stations) | Q(vehicle__ms_home=None)
    return waiting.filter(at_home).select_related("driver__user", "vehicle").order_by("start", "pk")


def decide(shift: Shift, by: User, *, approved: bool) -> bool:
    """Approve or reject a pending shift; False where it is pending no more."""
    status = ShiftStatus.APPROVED if approved else ShiftStatus.REJECTED
    moment = now()
    return bool(
        Shift.objects.filter(pk=shift.pk, status=ShiftStatus.PENDING).update(
            status=status, decided_by=by, decided_at=moment, updated_at=moment
        )
    )


def expire(at: datetime) -> int:
    """Close shifts that are over; one that comes every day goes on until somebody ends it."""
    over = Shift.objects.filter(status__in=OPEN, is_recurring=False, end__lte=at)
    return over.update(status=ShiftStatus.EXPIRED, updated_at=at)
