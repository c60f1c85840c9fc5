"""Count what has ended into rows that outlive the history, each job exactly once.

A mark says until when everything is counted. A round counts what ended after it and moves it, in one
transaction; so a round that is killed, or runs twice, or comes late, changes no figure. The mark stays behind
the last word of every cluster that holds jobs: what such a cluster has not written down yet ended after it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models.expressions import RawSQL
from django_q.models import Task as FinishedTask

from ims.lib.locks import one_at_a_time
from scheduling import clock, counting, histogram
from scheduling.models import Attempt, Cancellation, Heartbeat, JobState, QueuedJob
from scheduling.operation_models import Grain, Measure, RolledUp, Rollup

LOCK = 7_203_912  # one_at_a_time
BATCH = 5_000  # rows of the history counted in one transaction
SECONDS_A_ROUND = 20.0  # what is left is counted in the next round
SETTLE = timedelta(seconds=10)  # results are written in batches, and clocks of clusters differ a little
MINUTES_KEPT = timedelta(days=2)
HOURS_KEPT = timedelta(days=35)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
RETRIED = "retried"  # the outcome of an attempt that failed and is followed by another
OUTCOMES = (str(JobState.SUCCEEDED), str(JobState.FAILED), str(JobState.CANCELLED), RETRIED)


class _Key(NamedTuple):
    grain: str
    start: datetime
    func: str
    outcome: str
    measure: str
    bucket: int


class _End(NamedTuple):
    """The end of a job, or of an attempt that is followed by another."""

    at: datetime
    func: str
    outcome: str
    run: float | None
    wait: float | None = None


_Tally = dict[_Key, list[float]]  # count and seconds


def catch_up(now: datetime) -> int:
    """Count what has ended and is not counted yet, in short transactions; returns how much that was."""
    until, count = horizon(now), 0
    end = time.monotonic() + SECONDS_A_ROUND
    while time.monotonic() < end:
        counted, is_done = _count_batch(until, now)
        count += counted
        if is_done:
            break
    return count


def counted_until() -> datetime:
    """What ended until then is counted; the history is not pruned beyond it."""
    return RolledUp.objects.values_list("until", flat=True).first() or BEGINNING


def horizon(now: datetime) -> datetime:
    """No job that ended before this is still to be written down."""
    holders = QueuedJob.objects.exclude(holder=None).values("holder")
    beats = Heartbeat.objects.filter(pk__in=holders, workers__gt=0)
    return min([now, *beats.values_list("seen_at", flat=True)]) - SETTLE


def prune(now: datetime) -> int:
    """Minutes are kept for two days, hours for a month and some days."""
    minutes = Rollup.objects.filter(grain=Grain.MINUTE, start__lt=now - MINUTES_KEPT)
    hours = Rollup.objects.filter(grain=Grain.HOUR.value, start__lt=now - HOURS_KEPT)
    return minutes.delete()[0] + hours.delete()[0]


@transaction.atomic
def _count_batch(horizon: datetime, now: datetime) -> tuple[int, bool]:
    """Count the next rows; returns how many, and whether all until the horizon are counted."""
    one_at_a_time(LOCK)
    mark, _ = RolledUp.objects.get_or_create(pk=1, defaults={"until": BEGINNING})
    since = mark.until
    until = min(horizon, *(_end_of_batch(model, since, horizon) for model in (FinishedTask, Attempt)))
    if until <= since:
        return 0, True
    ends = [*_jobs(since, until), *_attempts(since, until)]
    counting.add(Rollup, _Key._fields, _in_grains(_tally(ends), now))
    mark.until = until
    mark.save()
    return len(ends), until == horizon


def _end_of_batch(model: Any, since: datetime, until: datetime) -> datetime:
    """When the last row of the batch ended; rows of the same moment belong to it."""
    field = "stopped" if model is FinishedTask else "stopped_at"
    rows = model.objects.filter(**{f"{field}__gt": since, f"{field}__lte": until}).order_by(field)
    last: datetime | None = rows.values_list(field, flat=True)[BATCH - 1 : BATCH].first()
    return last or until


def _jobs(since: datetime, until: datetime) -> Iterator[_End]:
    rows = FinishedTask.objects.filter(stopped__gt=since, stopped__lte=until).order_by()
    told = list(
        rows.annotate(due=RawSQL("due_at", [])).values_list(
            "id", "func", "started", "stopped", "success", "due"
        )
    )
    unsuccessful = [row[0] for row in told if not row[4]]
    asked = Cancellation.objects.filter(job_id__in=unsuccessful, honoured_at__isnull=False)
    cancelled = set(asked.values_list("job_id", flat=True))
    for job_id, func, started, stopped, success, due in told:
        failed = JobState.CANCELLED if job_id in cancelled else JobState.FAILED
        outcome = str(JobState.SUCCEEDED if success else failed)
        yield _End(stopped, func, outcome, _seconds(started, stopped), _seconds(clock.aware(due), started))


def _attempts(since: datetime, until: datetime) -> Iterator[_End]:
    rows = Attempt.objects.filter(stopped_at__gt=since, stopped_at__lte=until, retry_at__isnull=False)
    for func, started, stopped in rows.order_by().values_list("func", "started_at", "stopped_at"):
        yield _End(stopped, func, RETRIED, _seconds(started, stopped))


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return max(0.0, (end - start).total_seconds()) if start and end else None


def _tally(ends: Iterable[_End]) -> _Tally:
    """By the minute. Each end is counted by its run, also where nobody knows when it began."""
    tally: _Tally = defaultdict(lambda: [0, 0.0])
    for end in ends:
        minute = end.at.replace(second=0, microsecond=0)
        for measure, seconds in ((Measure.RUN.value, end.run or 0.0), (Measure.WAIT.value, end.wait)):
            if seconds is not None:
                bucket = histogram.bucket(seconds)
                kept = tally[_Key(Grain.MINUTE.value, minute, end.func, end.outcome, measure, bucket)]
                kept[0] += 1
                kept[1] += seconds
    return tally


def _in_grains(minutes: _Tally, now: datetime) -> _Tally:
    """The same by hour and for ever too, as long as each is kept."""
    tally: _Tally = defaultdict(lambda: [0, 0.0])
    for key, (count, seconds) in minutes.items():
        keys = [key._replace(grain=Grain.EVER.value, start=BEGINNING)]
        if key.start > now - HOURS_KEPT:
            keys.append(key._replace(grain=Grain.HOUR.value, start=key.start.replace(minute=0)))
        if key.start > now - MINUTES_KEPT:
            keys.append(key)
        for each in keys:
            tally[each][0] += count
            tally[each][1] += seconds
    return tally
