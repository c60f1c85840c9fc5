"""Shifts: proposed by a driver, decided by an EIC, over by themselves. The only writer of shifts.

A driver has one shift at a time, and a vehicle one driver. Many may wish for the same vehicle; an EIC
approves one of them. What is done to shifts happens under the driver's lock and the vehicle's.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.formats import date_format
from django.utils.timezone import now
from django.utils.translation import gettext as _

from ims.accounts.models import User
from ims.lib.local_time import local
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


@transaction.atomic
def propose(
    driver: Driver, vehicle: Vehicle, start: datetime, end: datetime, *, is_recurring: bool = False
) -> Shift:
    """A driver asks for a shift; an EIC decides. Raises ValidationError, also where one is in its way."""
    shift = Shift(driver=driver, vehicle=vehicle, start=start, end=end, is_recurring=is_recurring)
    shift.full_clean()
    check_is_free(shift)
    shift.save()
    return shift


def to_decide(stations: QuerySet[Station]) -> QuerySet[Shift]:
    """Shifts that wait for a decision at these mother stations, the next one first."""
    waiting = Shift.objects.filter(status=ShiftStatus.PENDING)
    at_home = Q(vehicle__ms_home__in=stations) | Q(vehicle__ms_home=None)
    return waiting.filter(at_home).select_related("driver__user", "vehicle").order_by("start", "pk")


@transaction.atomic
def decide(shift: Shift, by: User, *, approved: bool) -> bool:
    """Approve or reject a pending shift; False where it is pending no more.

    Raises ValidationError where another approved one, of this driver or on this vehicle, is in its way.
    """
    if approved:
        check_is_free(shift, among=(ShiftStatus.APPROVED,))
    return _close(shift, ShiftStatus.PENDING, ShiftStatus.APPROVED if approved else ShiftStatus.REJECTED, by)


def end(shift: Shift, by: User) -> bool:
    """End an approved shift early, e.g. one that comes every day; False where it is approved no more."""
    return _close(shift, ShiftStatus.APPROVED, ShiftStatus.EXPIRED, by)


def take_back(shift: Shift) -> bool:
    """Its driver wants it no more; False where it was decided meanwhile."""
    return bool(Shift.objects.filter(pk=shift.pk, status=ShiftStatus.PENDING).delete()[0])


def expire(at: datetime) -> int:
    """Close shifts that are over; one that comes every day goes on until somebody ends it."""
    over = Shift.objects.filter(status__in=OPEN, is_recurring=False, end__lte=at)
    return over.update(status=ShiftStatus.EXPIRED, updated_at=at)


def _close(shift: Shift, old: ShiftStatus, new: ShiftStatus, by: User) -> bool:
    moment = now()
    here = Shift.objects.filter(pk=shift.pk, status=old)
    return bool(here.update(status=new, decided_by=by, decided_at=moment, updated_at=moment))


# --- One at a time --------------------------------------------------------------------------------------


def check_is_free(shift: Shift, among: Iterable[ShiftStatus] = OPEN) -> None:
    """Raise ValidationError where the driver has another shift at this time, or the vehicle another driver.

    Locks both until the commit.
    """
    Driver.objects.select_for_update(no_key=True).get(pk=shift.driver_id)
    Vehicle.objects.select_for_update(no_key=True).get(pk=shift.vehicle_id)
    own = Q(driver=shift.driver_id, status__in=list(among))
    of_vehicle = Q(vehicle=shift.vehicle_id, status=ShiftStatus.APPROVED)
    others = Shift.objects.filter(own | of_vehicle).exclude(pk=shift.pk)
    still = others.filter(Q(is_recurring=True) | Q(end__gt=shift.start)).select_related("vehicle")
    for other in still.order_by("start"):
        if overlap(shift, other):
            is_own = other.driver_id == shift.driver_id
            refusal = {"start": _taken(other)} if is_own else {"vehicle": _driven(other)}
            raise ValidationError(refusal, code="overlap")


def overlap(one: Shift, other: Shift) -> bool:
    """Whether both are on at some moment. If they ever are, they are where one of them begins."""
    both = max(one.start, other.start)  # before it, one of them has not begun
    moments = [both, *(_next_start(each, both) for each in (one, other) if each.is_recurring)]
    return any(one.covers(moment) and other.covers(moment) for moment in moments)


def _next_start(shift: Shift, at: datetime) -> datetime:
    """When a shift that comes every day begins next."""
    begins = local(shift.start)
    today = datetime.combine(local(at).date(), begins.time(), begins.tzinfo)
    return today if today >= at else today + timedelta(days=1)


def _taken(other: Shift) -> str:
    which = _("approved") if other.status == ShiftStatus.APPROVED else _("asked for")
    return _(
        "There is a shift at this time already (%(when)s on %(vehicle)s, %(which)s):"
        " choose other hours, or have that one ended first."
    ) % {"when": hours(other), "vehicle": other.vehicle, "which": which}


def _driven(other: Shift) -> str:
    return _(
        "%(vehicle)s has another driver at this time (%(when)s):"
        " choose another vehicle or other hours, or have that shift ended first."
    ) % {"when": hours(other), "vehicle": other.vehicle}


def hours(shift: Shift) -> str:
    """When a shift is, where operations are: '22 Nov, 06:00 – 14:00', 'every day 06:00–14:00 from 22 Nov'."""
    start, end = local(shift.start), local(shift.end)
    if not shift.is_recurring:
        last = f"{end:%H:%M}" if start.date() == end.date() else date_format(end, "j M, H:i")
        return f"{date_format(start, 'j M, H:i')} – {last}"
    first = date_format(start, "j M")
    if start.time() == end.time():
        return _("around the clock from %(first)s") % {"first": first}
    times = {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}", "first": first}
    return _("every day %(start)s–%(end)s from %(first)s") % times
