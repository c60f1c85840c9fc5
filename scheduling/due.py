"""Enqueue what is due: many Schedule rows in one transaction, and where one is broken, each in its own."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import async_task

from scheduling import database, declaration, rows, schedules
from scheduling.declaration import DeclaredTask
from scheduling.enqueue import enqueue
from scheduling.models import JobState, QueuedJob, ScheduleOverride

logger = logging.getLogger(__name__)

ROWS_A_ROUND = 500
TOGETHER = 50  # rows in one transaction
SECONDS_A_ROUND = 0.5  # what is left waits for the next round, so that the cluster's other work comes between
REST = timedelta(seconds=10)  # between two looks at a row that cannot run
LOCKED = timedelta(seconds=1)  # until the next look at a due row that another cluster has locked
CLOCK_SLACK = timedelta(seconds=2)  # a clock that goes back by less is only being adjusted


class Scheduler:
    """Enqueues what is due, round by round. Each cluster has one; what it remembers is for calm only."""

    def __init__(self) -> None:
        self._resting: dict[int, tuple[datetime, str]] = {}  # rows that cannot run: when it was seen, why
        self._last_round: datetime | None = None
        self._next: datetime | None = None  # when a look is worth its while

    def run_round(self) -> float | None:
        """Returns the seconds until another round is worth its while, if that is known."""
        now = timezone.now()
        return 0.0 if self.enqueue_due(now) else self.seconds_until_due(now)

    def enqueue_due(self, now: datetime) -> int:
        """One round: enqueue what is due at `now`; returns how many. If any, there may be more at once."""
        self._watch_clock(now)
        end = time.monotonic() + SECONDS_A_ROUND
        due = self._due(now)
        count = 0
        while due:
            count += self._try(due[:TOGETHER], now)
            del due[:TOGETHER]
            if time.monotonic() > end:
                break
        return count

    def seconds_until_due(self, now: datetime) -> float | None:
        """As the last round saw it; None where nothing waits."""
        return max(0.0, (self._next - now).total_seconds()) if self._next else None

    def _watch_clock(self, now: datetime) -> None:
        """A clock that ran ahead has left next runs in the future; bring them back when it is set right."""
        if self._last_round and now < self._last_round - CLOCK_SLACK:
            logger.warning("The clock was set back from %s to %s", self._last_round, now)
            schedules.sync(now)
        self._last_round = now

    def _due(self, now: datetime) -> list[int]:
        """The rows that are due, oldest first, without those that could not run a moment ago."""
        resting = [pk for pk, (since, _) in self._resting.items() if timedelta() <= now - since < REST]
        coming = _running().exclude(pk__in=resting).order_by("next_run", "pk")
        first = list(coming.values_list("pk", "next_run")[:ROWS_A_ROUND])
        due = [pk for pk, run in first if run <= now]
        self._next = now + LOCKED if due else min((run for _, run in first), default=None)
        return due

    def _try(self, pks: list[int], now: datetime) -> int:
        try:
            count = _enqueue(pks, now)
        except Exception as error:  # a row made by hand may hold anything
            if database.is_outage(error):
                raise
            if len(pks) > 1:
                return sum(self._try([pk], now) for pk in pks)
            self._let_rest(pks[0], now, error)
            return 0
        for pk in pks:
            self._resting.pop(pk, None)
        return count

    def _let_rest(self, pk: int, now: datetime, error: Exception) -> None:
        if pk not in self._resting or self._resting[pk][1] != str(error):
            logger.error("Schedule %s cannot run: %s", pk, error, exc_info=error)
        self._resting[pk] = (now, str(error))


def enqueue_due(now: datetime) -> int:
    """One round without a memory."""
    return Scheduler().enqueue_due(now)


@transaction.atomic
def _enqueue(pks: list[int], now: datetime) -> int:
    """Enqueue one run of each row, and move next_run on, where no other cluster was faster.

    A missed run counts once. Raises what is wrong with a row; then nothing has happened to the others either.
    """
    override = ScheduleOverride.objects.filter(schedule_id=OuterRef("pk")).values("name")[:1]
    unfinished = QueuedJob.objects.filter(job_id=OuterRef("task")).exclude(state=JobState.UNREADABLE)
    due = _due_rows(now).select_for_update(skip_locked=True).filter(pk__in=pks).order_by("next_run", "pk")
    locked = list(due.annotate(declared_as=Subquery(override), is_unfinished=Exists(unfinished)))
    count = sum(_enqueue_one(row, now) for row in locked)
    Schedule.objects.filter(pk__in=[row.pk for row in locked if row.next_run is None]).delete()
    moved = [row for row in locked if row.next_run is not None]
    Schedule.objects.bulk_update(moved, ["next_run", "task", "repeats"])
    return count


def _enqueue_one(row: Any, now: datetime) -> bool:
    """One run of a locked row, unless its last one is unfinished; next_run is None where the row shall go."""
    task = _declared_task(row.declared_as)
    following = rows.run_after(row, now, task.cadence.tz if task and task.cadence else None)
    if following and row.task and row.is_unfinished:
        logger.info("Schedule %s skips a run: job %s is unfinished", row.name or row.pk, row.task)
        row.next_run = following
        return False
    row.task = enqueue(task, group=row.name).id if task else _enqueue_handmade(row)
    logger.info("Schedule %s enqueued job %s", row.name or row.pk, row.task)
    _move_on(row, following)
    return True


def _due_rows(now: datetime) -> Any:
    return _running().filter(next_run__lte=now)


def _running() -> Any:
    return Schedule.objects.filter(next_run__isnull=False).exclude(repeats=0)


def _declared_task(name: str | None) -> DeclaredTask[Any, Any] | None:
    """The task whose declaration a row follows; None for a row made by hand."""
    if name is not None and name not in declaration.scheduled():
        raise rows.Malformed("name", f"{name!r} is not declared in the code of this cluster.")
    return declaration.scheduled()[name] if name is not None else None


def _enqueue_handmade(row: Schedule) -> str:
    """A row made in the admin or by django_q.tasks.schedule."""
    args, kwargs = rows.read_call(row)
    return str(async_task(row.func, *args, **kwargs))


def _move_on(row: Schedule, following: datetime | None) -> None:
    """As Django Q2 does: a row that runs once goes, unless it has repeats; those are counted down to 0."""
    if following is None and row.repeats < 0:
        row.next_run = None
        return
    row.next_run = following or row.next_run
    row.repeats = max(row.repeats - 1, -1) if following else 0
