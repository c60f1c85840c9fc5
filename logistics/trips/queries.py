"""What is asked of trips, for lists, pages and digests."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet

from ims.accounts.models import User
from logistics.trips import access
from logistics.trips.models import IN_PROGRESS, OPEN, Trip, TripStatus

BEFORE_PICKUP = (TripStatus.PENDING, TripStatus.ASSIGNED, TripStatus.EN_ROUTE)
LATE_AFTER = timedelta(minutes=10)  # past its scheduled time, a pickup is late


def whole(trips: QuerySet[Trip]) -> QuerySet[Trip]:
    """With everything that a list or a page shows of each."""
    return trips.select_related(
        "driver__user", "vehicle", "paramedic", "patient", "contract__company", "feed", "stock_request"
    )


def today(at: datetime) -> date:
    """Where operations are."""
    return at.astimezone(ZoneInfo(settings.OPERATIONS_TIME_ZONE)).date()


def on(day: date) -> Q:
    zone = ZoneInfo(settings.OPERATIONS_TIME_ZONE)
    begin = datetime.combine(day, time(), tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    return Q(scheduled_pickup_time__gte=begin, scheduled_pickup_time__lt=end)


def of_driver(user_id: int, day: date) -> QuerySet[Trip]:
    """A driver's trips that are scheduled on a day and not cancelled, in their order."""
    mine = Trip.objects.filter(on(day), driver__user=user_id).exclude(status=TripStatus.CANCELLED)
    return mine.select_related("vehicle").order_by("scheduled_pickup_time", "pk")


def concerning(user: User, day: date) -> QuerySet[Trip]:
    """What the board shows this person: the day's trips, and older ones that have not ended."""
    older = Q(status__in=IN_PROGRESS) | Q(status__in=OPEN) & ~on(day) & Q(scheduled_pickup_time__lt=_end(day))
    return whole(access.visible(user).filter(on(day) | older))


def late(at: datetime) -> Q:
    """The pickup should have happened, and has not."""
    return Q(status__in=BEFORE_PICKUP, scheduled_pickup_time__lt=at - LATE_AFTER)


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(settings.OPERATIONS_TIME_ZONE))
