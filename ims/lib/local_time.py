"""Days and hours where operations are: OPERATIONS_TIME_ZONE rules 'today', shifts, digests and invoices."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings


def local(moment: datetime) -> datetime:
    """The same moment as clocks show it where operations are."""
    return moment.astimezone(zone())


def local_day(moment: datetime) -> date:
    return local(moment).date()


def zone_name(moment: datetime) -> str:
    """How people call the zone of a time: 'IST', or 'UTC+04' where it has no name."""
    name = moment.tzname() or ""
    return name if name.isalpha() else f"UTC{name}"


def midnight(day: date) -> datetime:
    """When a day begins where operations are."""
    return datetime.combine(day, time(), tzinfo=zone())


def zone() -> ZoneInfo:
    return ZoneInfo(settings.OPERATIONS_TIME_ZONE)
