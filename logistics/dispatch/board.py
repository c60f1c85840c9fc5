"""What the EIC's board shows: open requests by urgency, and the vehicles that wait."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, F, FloatField, IntegerField, QuerySet, Value, When
from django.db.models.functions import Cast, NullIf

from ims.accounts.models import User
from logistics.dispatch import access, tokens
from logistics.dispatch.candidates import Candidate
from logistics.dispatch.models import (
    ASSIGNABLE,
    IS_OPEN,
    Priority,
    RequestStatus,
    StockRequest,
    VehicleToken,
)
from logistics.fleet import shifts
from logistics.fleet.models import Station

MOST = 200  # rows; a mother station with more open requests has another problem
SOON = 60  # minutes of slack below which a request is urgent
RANKS = {Priority.CRITICAL: 0, Priority.FDODO: 1, Priority.HIGH: 2, Priority.NORMAL: 3}


@dataclass(frozen=True)
class Board:
    ms: Station
    requests: list[StockRequest]
    queue: list[VehicleToken]
    more: int  # requests that are not shown

    @property
    def offered(self) -> int:
        return sum(request.status == RequestStatus.ASSIGNING for request in self.requests)

    @property
    def to_assign(self) -> int:
        return sum(request.status in ASSIGNABLE for request in self.requests)

    @property
    def under_way(self) -> int:
        return sum(request.status == RequestStatus.ASSIGNED for request in self.requests)

    @property
    def escalated(self) -> list[StockRequest]:
        return [request for request in self.requests if request.is_escalated]

    @property
    def facts(self) -> tuple[object, ...]:
        """What the board shows, but for what live.js keeps moving by itself."""
        shown = [(each.pk, each.updated_at, each.dbs.updated_at, _trip(each)) for each in self.requests]
        waiting = [(each.pk, each.updated_at) for each in self.queue]
        return self.ms.pk, shown, waiting, self.more


def board(ms: Station, at: datetime) -> Board:
    found = by_urgency(StockRequest.objects.filter(IS_OPEN, dbs__parent_station=ms))
    rows = list(found.select_related("dbs", "target_driver__user", "trip__vehicle", "token")[: MOST + 1])
    more = found.count() - MOST if len(rows) > MOST else 0
    queue = list(tokens.waiting(ms, at).select_related("vehicle", "driver__user")[:MOST])
    return Board(ms, rows[:MOST], queue, more)


def facts_of(request: StockRequest, found: list[Candidate]) -> tuple[object, ...]:
    """What a request's own page shows."""
    drivers = [(each.driver.pk, each.shift.pk, each.trips_today, each.warning) for each in found]
    return request.updated_at, request.dbs.updated_at, _trip(request), drivers


def _trip(request: StockRequest) -> str:
    return request.trip.status if hasattr(request, "trip") else ""


def by_urgency(found: QuerySet[StockRequest]) -> QuerySet[StockRequest]:
    """Who runs dry first, against the time that gas takes to come; what is under way comes last."""
    stock, rate = (
        Cast(f"dbs__{name}", FloatField()) for name in ("current_stock_kg", "sale_rate_kg_per_hour")
    )
    slack = stock * Value(60.0) / NullIf(rate, Value(0.0)) - Cast("dbs__lead_time_minutes", FloatField())
    rank = Case(
        *[When(priority=priority, then=Value(place)) for priority, place in RANKS.items()],
        output_field=IntegerField(),
    )
    under_way = Case(When(status=RequestStatus.ASSIGNED, then=Value(1)), default=Value(0))
    ordered = found.annotate(under_way=under_way, slack=slack, rank=rank)
    return ordered.order_by("under_way", F("slack").asc(nulls_last=True), "rank", "created_at", "pk")


def attention(user: User) -> int:
    """How many open requests of this EIC wait for a driver."""
    return access.requests_of_eic(user).filter(IS_OPEN, status__in=ASSIGNABLE).count()


def shifts_to_decide(user: User) -> int:
    return shifts.to_decide(access.mother_stations(user)).count()
