"""What is asked of trips, for lists, pages and digests."""

from datetime import date, datetime, timedelta

from django.db.models import Case, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from ims.accounts.models import User
from ims.lib.local_time import midnight
from logistics.trips import access
from logistics.trips.models import IN_PROGRESS, OPEN, Trip, TripStatus

BEFORE_PICKUP = (TripStatus.PENDING, TripStatus.ASSIGNED, TripStatus.EN_ROUTE)
ONE_DAY = timedelta(days=1)
LATE_AFTER = timedelta(minutes=10)  # past its scheduled time, a pickup is late


def whole(trips: QuerySet[Trip]) -> QuerySet[Trip]:
    """With everything that a list or a page shows of each."""
    return trips.select_related(
        "driver__user", "vehicle", "paramedic", "patient", "contract__company", "feed", "stock_request"
    )


def on(day: date) -> Q:
    return Q(scheduled_pickup_time__gte=midnight(day), scheduled_pickup_time__lt=midnight(day + ONE_DAY))


def of_driver(user_id: int, day: date) -> QuerySet[Trip]:
    """A driver's trips that are scheduled on a day and not cancelled, in their order."""
    mine = Trip.objects.filter(on(day), driver__user=user_id).exclude(status=TripStatus.CANCELLED)
    return mine.select_related("vehicle").order_by("scheduled_pickup_time", "pk")


def concerning(user: User, day: date) -> QuerySet[Trip]:
    """What the board shows this person: the day's trips, and others that have not ended; later days' wait."""
    is_due = Q(scheduled_pickup_time=None) | Q(scheduled_pickup_time__lt=midnight(day))
    unended = Q(status__in=IN_PROGRESS) | Q(is_due, status__in=OPEN)
    return whole(access.visible(user).filter(on(day) | unended))


def of_day(user: User, day: date) -> QuerySet[Trip]:
    """What this person may watch of a day, by the time of the pickup; without one, of when it was planned."""
    start, end = midnight(day), midnight(day + ONE_DAY)
    undated = Q(scheduled_pickup_time=None, created_at__gte=start, created_at__lt=end)
    that_day = access.visible(user).filter(on(day) | undated)
    return whole(that_day).order_by(Coalesce("scheduled_pickup_time", "created_at"), "pk")


def urgent_first(trips: QuerySet[Trip], at: datetime) -> QuerySet[Trip]:
    """Timed out, late, under way, to come, over; within each by the time of the pickup."""
    place = Case(
        When(timed_out_at__isnull=False, then=Value(0)),
        When(late(at), then=Value(1)),
        When(status__in=IN_PROGRESS, then=Value(2)),
        When(status__in=OPEN, then=Value(3)),
        default=Value(4),
    )
    return trips.order_by(place, Coalesce("scheduled_pickup_time", "created_at"), "pk")


def late(at: datetime) -> Q:
    """The pickup should have happened, and has not."""
    return Q(status__in=BEFORE_PICKUP, scheduled_pickup_time__lt=at - LATE_AFTER)
