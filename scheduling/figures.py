"""Charts and tables of what has ended, from the rollups: a span of time, of a task, of a queue, or of all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Max, QuerySet, Sum

from scheduling import clock, declaration
from scheduling.declaration import QUEUES
from scheduling.histogram import quantile
from scheduling.models import JobState
from scheduling.operation_models import Grain, Measure, QueueSample, Rollup
from scheduling.overview import queue_of
from scheduling.rollups import RETRIED
from scheduling.search import BadFilter


@dataclass(frozen=True)
class Span:
    """A length of time and the steps in which it is shown."""

    length: timedelta
    step: timedelta
    grain: Grain


SPANS = {
    "hour": Span(timedelta(hours=1), timedelta(minutes=1), Grain.MINUTE),
    "day": Span(timedelta(days=1), timedelta(minutes=15), Grain.MINUTE),
    "week": Span(timedelta(days=7), timedelta(hours=1), Grain.HOUR),
    "month": Span(timedelta(days=30), timedelta(hours=6), Grain.HOUR),
}
Buckets = dict[int, int]


@dataclass
class Point:
    """What ended in one step. The lengths of time are those of all its jobs together."""

    start: datetime
    outcomes: dict[str, int] = field(default_factory=dict)
    run_p50: float | None = None
    run_p95: float | None = None
    wait_p50: float | None = None
    wait_p95: float | None = None
    waiting: int | None = None  # jobs in the queues at the worst moment; None: nobody looked
    oldest_seconds: float | None = None


@dataclass(frozen=True)
class Chart:
    span: str
    task: str
    queue: str
    points: list[Point]

    @property
    def total(self) -> int:
        """Jobs that ended; attempts that were repeated are not among them."""
        return sum(n for point in self.points for outcome, n in point.outcomes.items() if outcome != RETRIED)

    @property
    def knows_waits(self) -> bool:
        return any(point.wait_p50 is not None for point in self.points)


@dataclass(frozen=True)
class TaskFigures:
    task: str
    queue: str
    count: int
    failed: int
    cancelled: int
    retried: int
    run_p50: float | None
    run_p95: float | None
    wait_p50: float | None
    wait_p95: float | None


def chart(span: str = "hour", task: str = "", queue: str = "", *, now: datetime | None = None) -> Chart:
    """The steps of a span that ends now, empty ones too. Raises BadFilter."""
    chosen, now = _span(span), now or clock.read()
    first = _step_of(now, chosen) - chosen.length + chosen.step
    points = {
        first + n * chosen.step: Point(first + n * chosen.step) for n in range(chosen.length // chosen.step)
    }
    lengths: dict[tuple[datetime, str], Buckets] = defaultdict(lambda: defaultdict(int))
    for start, outcome, measure, bucket, count in _counted(chosen, first, task, queue):
        step = _step_of(start, chosen)
        if step not in points:
            continue
        if measure == Measure.RUN:
            outcomes = points[step].outcomes
            outcomes[outcome] = outcomes.get(outcome, 0) + count
        if outcome != RETRIED:
            lengths[step, measure][bucket] += count
    for (step, measure), buckets in lengths.items():
        for share in (50, 95):
            setattr(points[step], f"{measure}_p{share}", quantile(buckets, share / 100))
    _add_samples(points, chosen, first, queue)
    return Chart(span, task, queue, list(points.values()))


def by_task(span: str = "hour", queue: str = "", *, now: datetime | None = None) -> list[TaskFigures]:
    """What ended of each task in a span, the most frequent first. Raises BadFilter."""
    chosen, now = _span(span), now or clock.read()
    first = _step_of(now, chosen) - chosen.length + chosen.step
    rows = _chosen(chosen, first, "", queue).values_list("func", "outcome", "measure", "bucket")
    outcomes: dict[str, Buckets | Any] = defaultdict(lambda: defaultdict(int))
    lengths: dict[tuple[str, str], Buckets] = defaultdict(lambda: defaultdict(int))
    for func, outcome, measure, bucket, count in rows.annotate(n=Sum("count")).order_by():
        if measure == Measure.RUN:
            outcomes[func][outcome] += count
        if outcome != RETRIED:
            lengths[func, measure][bucket] += count
    told = [_task_figures(func, ended, lengths) for func, ended in outcomes.items()]
    return sorted(told, key=lambda each: (-each.count, each.task))


def as_json(found: Chart) -> dict[str, Any]:
    return {**asdict(found), "total": found.total}


def _task_figures(func: str, ended: Any, lengths: dict[tuple[str, str], Buckets]) -> TaskFigures:
    run, wait = lengths[func, Measure.RUN], lengths[func, Measure.WAIT]
    return TaskFigures(
        task=declaration.name_of(func),
        queue=queue_of(func),
        count=sum(n for outcome, n in ended.items() if outcome != RETRIED),
        failed=ended[JobState.FAILED],
        cancelled=ended[JobState.CANCELLED],
        retried=ended[RETRIED],
        run_p50=quantile(run, 0.5),
        run_p95=quantile(run, 0.95),
        wait_p50=quantile(wait, 0.5),
        wait_p95=quantile(wait, 0.95),
    )


def _span(name: str) -> Span:
    if name not in SPANS:
        raise BadFilter("span", f"give one of {', '.join(SPANS)}.")
    return SPANS[name]


def _step_of(moment: datetime, span: Span) -> datetime:
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // span.step * span.step


def _counted(
    span: Span, first: datetime, task: str, queue: str
) -> Iterator[tuple[datetime, str, str, int, int]]:
    rows = _chosen(span, first, task, queue).values_list("start", "outcome", "measure", "bucket")
    yield from rows.annotate(n=Sum("count")).order_by()


def _chosen(span: Span, first: datetime, task: str, queue: str) -> QuerySet[Rollup]:
    rows = Rollup.objects.filter(grain=span.grain, start__gte=first)
    known = {each.name: each.path for each in declaration.tasks()}
    if task:
        rows = rows.filter(func=known.get(task, task))
    if queue:
        if queue not in QUEUES:
            raise BadFilter("queue", f"give one of {', '.join(QUEUES)}.")
        rows = rows.filter(func__in=[each.path for each in declaration.tasks() if each.queue == queue])
    return rows


def _add_samples(points: dict[datetime, Point], span: Span, first: datetime, queue: str) -> None:
    """The queues together at their longest moment in each step, and the longest wait of a job in any."""
    rows = QueueSample.objects.filter(at__gte=first, **({"queue": queue} if queue else {}))
    for at, waiting, oldest in (
        rows.values_list("at").annotate(n=Sum("waiting"), oldest=Max("oldest_seconds")).order_by()
    ):
        point = points.get(_step_of(at, span))
        if point:
            point.waiting = max(point.waiting or 0, waiting)
            point.oldest_seconds = max(point.oldest_seconds or 0.0, oldest)
