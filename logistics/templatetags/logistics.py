"""Words and colours of dispatch, trips and messages.

{{ dbs.dry_out_minutes|minutes }}  {% badge request|request_state request|request_words %}
"""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ims.lib.local_time import local, local_day
from logistics.dispatch.board import SOON
from logistics.dispatch.models import Answer, Offer, Priority, RequestStatus, StockRequest
from logistics.fleet import shifts
from logistics.fleet.models import Shift, ShiftStatus, Station
from logistics.notifications.models import DeliveryStatus, Notification
from logistics.trips.live_models import TripFeed
from logistics.trips.models import Trip, TripStatus

register = template.Library()

REQUESTS = {
    RequestStatus.PENDING: "wait",
    RequestStatus.QUEUED: "wait",
    RequestStatus.APPROVED: "wait",
    RequestStatus.ASSIGNING: "run",
    RequestStatus.ASSIGNED: "run",
    RequestStatus.COMPLETED: "ok",
    RequestStatus.REJECTED: "fail",
    RequestStatus.CANCELLED: "wait",
}
ANSWERS = {Answer.ACCEPTED: "ok", Answer.REJECTED: "fail", Answer.EXPIRED: "retry", Answer.OPEN: "run"}
SHIFTS = {ShiftStatus.APPROVED: "ok", ShiftStatus.REJECTED: "fail", ShiftStatus.PENDING: "wait"}
DELIVERIES = {
    DeliveryStatus.SENT: "ok",
    DeliveryStatus.FAILED: "fail",
    DeliveryStatus.QUEUED: "wait",
    DeliveryStatus.NOT_CONFIGURED: "retry",
}

TRIPS = {
    TripStatus.PENDING: "wait",
    TripStatus.ASSIGNED: "wait",
    TripStatus.COMPLETED: "ok",
    TripStatus.CANCELLED: "wait",
}
FRESH, SILENT = 30, 300  # seconds: an older fix is stale, a still older one says that the device is silent


@register.filter
def minutes(value: int | None) -> str:
    """A length of time: '5 h 20 min', '45 min', '3 d'."""
    if value is None:
        return "—"
    size, sign = abs(value), "−" if value < 0 else ""
    if size >= 3 * 1440:
        return f"{sign}{size // 1440} d"
    hours, rest = divmod(size, 60)
    if not hours:
        return f"{sign}{rest} min"
    return f"{sign}{hours} h {rest} min" if rest else f"{sign}{hours} h"


@register.filter
def slack_state(station: Station) -> str:
    """Red where gas comes too late, amber where it must leave within the hour."""
    slack = station.slack_minutes
    if slack is None or slack >= SOON:
        return "ok"
    return "fail" if slack < 0 else "retry"


@register.filter
def slack_words(station: Station) -> str:
    slack = station.slack_minutes
    if slack is None:
        return _("No sales")
    if slack < 0:
        return _("Too late by %(span)s") % {"span": minutes(-slack)}
    return _("%(span)s to spare") % {"span": minutes(slack)}


@register.filter
def fill_percent(station: Station) -> int | None:
    """How full a station is."""
    if not station.capacity_kg:
        return None
    percent: int = round(station.current_stock_kg * 100 / station.capacity_kg)
    return min(100, percent)


@register.filter
def request_state(request: StockRequest) -> str:
    return "fail" if request.is_escalated else REQUESTS[RequestStatus(request.status)]


@register.filter
def request_words(request: StockRequest) -> str:
    return str(request.get_status_display())


@register.filter
def is_pressing(request: StockRequest) -> bool:
    """A priority that is worth a word."""
    return request.priority != Priority.NORMAL


@register.filter
def answer_state(offer: Offer) -> str:
    return ANSWERS.get(Answer(offer.answer), "wait")


@register.filter
def shift_state(shift: Shift) -> str:
    return SHIFTS.get(ShiftStatus(shift.status), "wait")


@register.filter
def shift_time(shift: Shift) -> str:
    """When a shift is, where operations are."""
    return shifts.hours(shift)


@register.filter
def delivery_state(row: Notification) -> str:
    return DELIVERIES[DeliveryStatus(row.status)]


# --- Trips ----------------------------------------------------------------------------------------------


@register.filter
def trip_state(trip: Trip) -> str:
    return "fail" if trip.timed_out_at else TRIPS.get(TripStatus(trip.status), "run")


@register.filter
def fix_state(feed: TripFeed | str | None) -> str:
    """How far a position can be trusted: an old one is never shown as live."""
    if not isinstance(feed, TripFeed) or feed.fix_at is None:
        return "wait"
    age = (timezone.now() - feed.fix_at).total_seconds()
    return "ok" if age <= FRESH else "late" if age <= SILENT else "failed"


@register.filter
def speed(feed: TripFeed | str | None) -> str:
    """Of a trip without a feed a template makes ""."""
    return "—" if not isinstance(feed, TripFeed) or feed.speed is None else f"{feed.speed:.0f} km/h"


@register.filter
def clock(moment: datetime | None) -> str:
    """The time of day where operations are; with the date where that is not today."""
    if moment is None:
        return "—"
    there, today = local(moment), local_day(timezone.now())
    return f"{there:%H:%M}" if there.date() == today else date_format(there, "j M, H:i")
