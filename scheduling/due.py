"""Enqueue what is due: each Schedule row in a transaction of its own, so that a broken one harms no other."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django_q.models import Schedule
from django_q.tasks import async_task

from scheduling import declaration, rows, schedules
from scheduling.declaration import DeclaredTask
from scheduling.enqueue import enqueue
from scheduling.models import JobState, QueuedJob, ScheduleOverride

logger = logging.getLogger(__name__)

ROWS_A_ROUND = 500
SECONDS_A_ROUND = 0.5  # what is left waits for the next round, so that the cluster's other work comes between
REST = timedelta(seconds=10)  # between two looks at a row that cannot run
CLOCK_SLACK = timedelta(seconds=2)  # a clock that goes back by less is only being adjusted


class Scheduler:
    """Enqueues what is due, round by round. Each cluster has one; what it remembers is for calm only."""

    def __init__(self) -> None:
        self._resting: dict[int, tuple[datetime, str]] = {}  # rows that cannot run: when it was seen, why
        self._last_round: datetime | None = None

    def enqueue_due(self, now: datetime) -> int:
        """One round: enqueue what is due at `now`; returns how many. If any, there may be more at once."""
        self._watch_clock(now)
        end = time.monotonic() + SECONDS_A_ROUND
        count = 0
        for pk in self._due(now):
            count += self._try(pk, now)
            if time.monotonic() > end:
                break
        return count

    def _watch_clock(self, now: datetime) -> None:
        """A clock that ran ahead has left next runs in the future; bring them back when it is set right."""
        if self._last_round and now < self._last_round - CLOCK_SLACK:
            logger.warning("The clock was set back from %s to %s", self._last_round, now)
            schedules.sync(now)
        self._last_round = now

    def _due(self, now: datetime) -> list[int]:
        """The rows that are due, oldest first, without those that could not run a moment ago."""
        resting = [pk for pk, (since, _) in self._resting.items() if timedelta() <= now - since < REST]
        due = _due_rows(now).exclude(pk__in=resting).order_by("next_run", "pk")
        return list(due.values_list("pk", flat=True)[:ROWS_A_ROUND])

    def _try(self, pk: int, now: datetime) -> bool:
        try:
            is_enqueued = _enqueue_one(pk, now)
        except (OperationalError, InterfaceError):
            raise  # the database's trouble, not the row's
        except Exception as error:  # a row made by hand may hold anything
            if pk not in self._resting or self._resting[pk][1] != str(error):
                logger.error("Schedule %s cannot run: %s", pk, error, exc_info=error)
            self._resting[pk] = (now, str(error))
            return False
        self._resting.pop(pk, None)
        return is_enqueued


def enqueue_due(now: datetime) -> int:
    """One round without a memory."""
    return Scheduler().enqueue_due(now)


@transaction.atomic
def _enqueue_one(pk: int, now: datetime) -> bool:
    """Enqueue one run and move next_run on, if no other cluster was faster. A missed run counts once."""
    row = _due_rows(now).select_for_update(skip_locked=True).filter(pk=pk).first()
    if row is None:
        return False
    task = _declared_task(pk)
    following = rows.run_after(row, now, task.cadence.tz if task and task.cadence else None)
    if following and _is_unfinished(row.task):
        logger.info("Schedule %s skips a run: job %s is unfinished", row.name or pk, row.task)
        Schedule.objects.filter(pk=pk).update(next_run=following)
        return False
    job_id = enqueue(task, group=row.name).id if task else _enqueue_handmade(row)
    logger.info("Schedule %s enqueued job %s", row.name or pk, job_id)
    _move_on(row, following, job_id)
    return True


def _due_rows(now: datetime) -> Any:
    return Schedule.objects.filter(next_run__lte=now).exclude(repeats=0)


def _declared_task(pk: int) -> DeclaredTask[Any, Any] | None:
    """The task whose declaration this row follows; None for a row made by hand."""
    override = ScheduleOverride.objects.filter(schedule_id=pk).first()
    if override and override.name not in declaration.scheduled():
        raise rows.Malformed("name", f"{override.name!r} is not declared in the code of this cluster.")
    return declaration.scheduled()[override.name] if override else None


def _is_unfinished(job_id: str | None) -> bool:
    queued = QueuedJob.objects.filter(job_id=job_id).exclude(state=JobState.UNREADABLE)
    return bool(job_id) and queued.exists()


def _enqueue_handmade(row: Schedule) -> str:
    """A row made in the admin or by django_q.tasks.schedule."""
    args, kwargs = rows.read_call(row)
    return str(async_task(row.func, *args, **kwargs))


def _move_on(row: Schedule, following: datetime | None, job_id: str) -> None:
    """As Django Q2 does: a row that runs once goes, unless it has repeats; those are counted down to 0."""
    if following is None and row.repeats < 0:
        row.delete()
        return
    row.next_run, row.task = following or row.next_run, job_id
    row.repeats = max(row.repeats - 1, -1) if following else 0
    row.save(update_fields=["next_run", "task", "repeats"])
