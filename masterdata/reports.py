"""How long parcels are on their way, per courier, and which are late now.

A parcel is on its way from the day its number was entered, or from the courier's first event where that is
earlier, until it is delivered. Median and p90 are worked out by the database, over ranks, the same way on
both.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import (
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Window,
)
from django.db.models.functions import Coalesce, Least, RowNumber

from masterdata import parcels
from masterdata.carriers import courier_name
from masterdata.models import Parcel, ParcelEvent, SlipStatus
from masterdata.statuses import PROBLEMS, TransitStatus

PERIODS = (7, 30, 90)  # days
DEFAULT_PERIOD = 30
ALL = None  # the key of the line of all couriers together
SECONDS_A_DAY = 86400


@dataclass
class CourierLine:
    """One courier in the period; days are None where it delivered nothing."""

    code: str | None
    delivered: int = 0
    median_days: float | None = None
    p90_days: float | None = None
    on_the_way: int = 0
    late: int = 0
    problems: int = 0

    @property
    def name(self) -> str:
        return "All couriers" if self.code is ALL else courier_name(self.code) or "No courier"


@dataclass(frozen=True)
class Report:
    days: int
    since: datetime
    until: datetime
    total: CourierLine
    couriers: list[CourierLine] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.total.delivered or self.total.on_the_way)


def report(days: int, at: datetime) -> Report:
    """The last `days` days until `at`, in a constant number of statements."""
    since = at - timedelta(days=days)
    lines: dict[str | None, CourierLine] = {}
    for code, delivered in _delivered_counts(since, at):
        _line(lines, code).delivered = delivered
    for code, *counts in _open_counts(at):
        line = _line(lines, code)
        line.on_the_way, line.late, line.problems = counts
    for courier, ranked in _quantile_rows(since, at).items():
        line = _line(lines, courier)
        line.median_days, line.p90_days = _median(ranked), _p90(ranked)
    couriers = sorted(lines.values(), key=lambda line: (-line.delivered, -line.on_the_way, line.name))
    return Report(days, since, at, _total(couriers, _overall(since, at)), couriers)


def late(at: datetime) -> QuerySet[Parcel]:
    """Parcels on their way for longer than TRACKING_LATE_DAYS, or without movement; the oldest first."""
    found = _started(_open(at)).filter(_is_late(at))
    return found.select_related("slip").order_by("started_at", "pk")  # type: ignore[misc]  # annotated


def days_between(since: datetime, until: datetime) -> float:
    return round((until - since).total_seconds() / SECONDS_A_DAY, 1)


# --- Which parcels ----------------------------------------------------------------------------------------


def _open(at: datetime) -> QuerySet[Parcel]:
    open_parcels = Parcel.objects.filter(unfollowed_at=None, created_at__lte=at)
    return open_parcels.exclude(status=TransitStatus.DELIVERED).filter(slip__status=SlipStatus.SHIPPED)


def _deliveries(since: datetime, until: datetime) -> QuerySet[Parcel]:
    return Parcel.objects.filter(
        status=TransitStatus.DELIVERED, delivered_at__gt=since, delivered_at__lte=until
    )


def _started(found: QuerySet[Parcel]) -> QuerySet[Parcel]:
    """With `started_at`: since when each parcel is on its way."""
    first_event = ParcelEvent.objects.filter(parcel=OuterRef("pk")).order_by("at").values("at")[:1]
    return found.annotate(started_at=Least("created_at", Coalesce(Subquery(first_event), "created_at")))


def _is_late(at: datetime) -> Q:
    return Q(started_at__lt=at - timedelta(days=settings.TRACKING_LATE_DAYS)) | parcels.no_movement(at)


def _delivered_counts(since: datetime, until: datetime) -> Iterable[tuple[str, int]]:
    counted = _deliveries(since, until).values("courier_code").annotate(n=Count("pk"))
    return counted.order_by().values_list("courier_code", "n")


def _open_counts(at: datetime) -> Iterable[tuple[str, int, int, int]]:
    """Per courier: parcels on their way, those late, and those in trouble."""
    return (
        _started(_open(at))
        .values("courier_code")
        .annotate(
            on_the_way=Count("pk"),
            late=Count("pk", filter=_is_late(at)),
            problems=Count("pk", filter=Q(status__in=PROBLEMS)),
        )
        .order_by()
        .values_list("courier_code", "on_the_way", "late", "problems")
    )


# --- Median and p90 -----------------------------------------------------------------------------------------
# Of n deliveries in order of their length, the median is the middle one or the mean of the two in the middle,
# and p90 the one at rank ceil(0.9 n). The database hands over just those rows: three a courier at most.

Ranked = list[tuple[int, int, float]]  # rank, n, days


def _quantile_rows(since: datetime, until: datetime, *, per_courier: bool = True) -> dict[str | None, Ranked]:
    partition = [F("courier_code")] if per_courier else None
    lasted = ExpressionWrapper(F("delivered_at") - F("started_at"), output_field=DurationField())
    rows = (
        _started(_deliveries(since, until))
        .annotate(lasted=lasted)
        .annotate(
            rank=Window(RowNumber(), partition_by=partition, order_by=["lasted", "pk"]),
            n=Window(Count("pk"), partition_by=partition),
        )
        .annotate(twice=F("rank") * 2 - F("n"), nine=F("rank") * 10 - F("n") * 9)
        .filter(Q(twice__range=(0, 2)) | Q(nine__range=(0, 9)))
        .values_list("courier_code", "rank", "n", "lasted")
    )
    found: dict[str | None, Ranked] = {}
    for code, rank, n, lasted_for in rows:
        days = max(0.0, lasted_for.total_seconds() / SECONDS_A_DAY)
        found.setdefault(code if per_courier else ALL, []).append((rank, n, days))
    return found


def _overall(since: datetime, until: datetime) -> Ranked:
    return _quantile_rows(since, until, per_courier=False).get(ALL, [])


def _median(ranked: Ranked) -> float | None:
    middle = [days for rank, n, days in ranked if n <= 2 * rank <= n + 2]
    return round(sum(middle) / len(middle), 1) if middle else None


def _p90(ranked: Ranked) -> float | None:
    return next((round(days, 1) for rank, n, days in ranked if 9 * n <= 10 * rank < 9 * n + 10), None)


def _line(lines: dict[str | None, CourierLine], code: str | None) -> CourierLine:
    return lines.setdefault(code, CourierLine(code))


def _total(couriers: list[CourierLine], ranked: Ranked) -> CourierLine:
    return CourierLine(
        ALL,
        delivered=sum(line.delivered for line in couriers),
        median_days=_median(ranked),
        p90_days=_p90(ranked),
        on_the_way=sum(line.on_the_way for line in couriers),
        late=sum(line.late for line in couriers),
        problems=sum(line.problems for line in couriers),
    )
