"""Enqueue what is due: each Schedule row in a transaction of its own, so that a bad one harms no other."""

from __future__ import annotations

import ast
import logging
from datetime import datetime
from typing import Any, cast

from django.db import transaction
from django_q.models import Schedule
from django_q.tasks import async_task

from scheduling import declaration
from scheduling.enqueue import enqueue
from scheduling.models import JobState, QueuedJob, ScheduleOverride

logger = logging.getLogger(__name__)
_reported: set[tuple[int, str]] = set()  # broken rows of which this process has told


def enqueue_due(now: datetime) -> int:
    """Enqueue every schedule that is due at `now`; returns how many. Several clusters may do so at once."""
    count = 0
    due = Schedule.objects.filter(next_run__lte=now).exclude(repeats=0).order_by("next_run", "pk")
    for row in due:
        try:
            count += _enqueue_one(row, now)
        except Exception as error:  # a row made by hand may hold anything
            if (row.pk, str(error)) not in _reported:
                _reported.add((row.pk, str(error)))
                logger.exception("Schedule %s cannot run", row.name or row.pk)
    return count


@transaction.atomic
def _enqueue_one(row: Schedule, now: datetime) -> bool:
    """Enqueue one run and move next_run on, if no other cluster was faster. A missed run counts once."""
    override = ScheduleOverride.objects.filter(schedule_id=row.pk).first()
    following = _next_run(row, override, now)
    claimed = Schedule.objects.filter(pk=row.pk, next_run=row.next_run).exclude(repeats=0)
    if not claimed.update(next_run=following, repeats=_repeats_left(row)):
        return False
    if row.task and QueuedJob.objects.filter(job_id=row.task).exclude(state=JobState.UNREADABLE).exists():
        logger.info("Schedule %s skips a run: job %s is unfinished", row.name or row.pk, row.task)
        return False
    job_id = _enqueue_declared(override) if override else _enqueue_handmade(row)
    if row.schedule_type == Schedule.ONCE and row.repeats < 0:
        row.delete()
    else:
        Schedule.objects.filter(pk=row.pk).update(task=job_id)
    logger.info("Schedule %s enqueued job %s", row.name or row.pk, job_id)
    return True


def _next_run(row: Any, override: ScheduleOverride | None, now: datetime) -> datetime:
    """The first time after `now` in the row's rhythm; what was missed in between counts once."""
    if override:
        cadence = declaration.scheduled()[override.name].cadence
        assert cadence is not None
        following = cadence.next_after(row.next_run, row.minutes)
        return following if following > now else cadence.next_after(now, row.minutes)
    following = row.next_run
    if row.schedule_type != Schedule.ONCE:
        following = row.calculate_next_run(row.next_run)
    if row.schedule_type != Schedule.ONCE and following <= now:
        following = row.calculate_next_run(now)
    return cast(datetime, following)


def _repeats_left(row: Schedule) -> int:
    if row.schedule_type == Schedule.ONCE:
        return 0
    return row.repeats - 1 if row.repeats > 0 else -1


def _enqueue_declared(override: ScheduleOverride) -> str:
    return enqueue(declaration.scheduled()[override.name], group=override.name).id


def _enqueue_handmade(row: Schedule) -> str:
    """A row made in the admin or by django_q.tasks.schedule, read as Django Q2 reads it."""
    declaration.find(row.func)
    args = ast.literal_eval(row.args) if row.args else ()
    kwargs = _keywords(row.kwargs)
    options = {"group": row.name or str(row.pk), **kwargs.pop("q_options", {})}
    if row.hook:
        options["hook"] = row.hook
    if row.cluster:
        options["cluster"] = row.cluster
    if row.intended_date_kwarg:
        kwargs[row.intended_date_kwarg] = row.next_run.isoformat()
    return str(
        async_task(row.func, *(args if isinstance(args, tuple) else (args,)), q_options=options, **kwargs)
    )


def _keywords(text: str | None) -> dict[str, Any]:
    """Read {"x": 1} or x=1; raises ValueError or SyntaxError where it is neither."""
    if not text:
        return {}
    try:
        return dict(ast.literal_eval(text))
    except (SyntaxError, ValueError):
        call = ast.parse(f"f({text})", mode="eval").body
        assert isinstance(call, ast.Call)
        return {each.arg: ast.literal_eval(each.value) for each in call.keywords if each.arg}
