"""How schedules stand, seen from outside: the declared ones and the rows made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import Schedule
from django_q.models import Task as FinishedTask

from scheduling import declaration, rows
from scheduling.cadence import Cadence
from scheduling.declaration import DeclaredTask
from scheduling.exceptions import UnknownSchedule
from scheduling.models import ScheduleOverride

ID_DIGITS = 10  # a longer number is no id of a row


@dataclass(frozen=True)
class ScheduleStatus:
    """One schedule as it stands."""

    name: str
    task: str
    active: bool
    schedule_id: str | None  # of the Schedule row; None while stopped
    interval_minutes: int | None  # None: by cron, or by another of Django Q2's types; stopped: when resumed
    cron: str | None
    tz: str
    next_run: datetime | None
    repeats: int  # -1: for ever
    task_count: int  # finished runs in the history
    last_job_id: str | None
    changed: bool = False
    broken: str | None = None  # why it cannot run: field, reason, cure
    handmade: bool = False
    kind: str = ""  # Django Q2's word for the row's type

    @property
    def key(self) -> str:
        """What finds it again, also where a row made by hand bears the name of another schedule."""
        return self.schedule_id if self.handmade and self.schedule_id else self.name


def status(name: str) -> ScheduleStatus:
    """A declared schedule by its public name; a row made by hand by its name or number."""
    task, row, override = _find(name)
    group = name if task else rows.group_of(row)
    return describe(task, row, group, FinishedTask.objects.filter(group=group).count(), override)


def all_statuses() -> list[ScheduleStatus]:
    """Every declared schedule, then every row made by hand, in a constant number of statements."""
    overrides = {each.name: each for each in ScheduleOverride.objects.all()}
    ids = {name: each.schedule_id for name, each in overrides.items()}
    by_id = {row.pk: row for row in Schedule.objects.order_by("name", "pk")}
    shown: list[tuple[DeclaredTask[Any, Any] | None, Schedule | None, str]] = [
        (task, by_id.pop(ids.get(name), None), name) for name, task in sorted(declaration.scheduled().items())
    ]
    shown += [(None, row, rows.group_of(row)) for row in by_id.values()]
    finished = FinishedTask.objects.filter(group__in={group for _, _, group in shown}).order_by()
    counts = dict(finished.values_list("group").annotate(n=Count("id")))
    return [
        describe(task, row, group, counts.get(group, 0), overrides.get(group)) for task, row, group in shown
    ]


def next_runs(name: str, count: int = 5) -> list[datetime]:
    """When a schedule runs next, in its order; empty while it is stopped or broken.

    The first may be overdue: it is about to be enqueued, or no cluster runs.
    """
    task, row, _ = _find(name)
    now, tz = timezone.now(), _zone(task)
    return rows.next_runs(row, now, count, tz) if row and not rows.fault(row, now, tz) else []


def describe(
    task: DeclaredTask[Any, Any] | None,
    row: Any,
    name: str,
    task_count: int,
    override: ScheduleOverride | None,
    *,
    changed: bool = False,
) -> ScheduleStatus:
    """A row and the task whose declaration it follows: no row while stopped, no task if made by hand."""
    tz = _zone(task)
    fault = rows.fault(row, timezone.now(), tz) if row else None
    declared = task.cadence if task else None
    return ScheduleStatus(
        name=name,
        task=task.name if task else declaration.name_of(row.func),
        active=bool(row and row.repeats),
        schedule_id=str(row.pk) if row else None,
        interval_minutes=rows.interval_minutes(row) if row else _resumed(declared, override),
        cron=declared.cron if declared else rows.cron_of(row),
        tz=tz or Conf.TIME_ZONE,
        next_run=row.next_run if row else None,
        repeats=row.repeats if row else 0,
        task_count=task_count,
        last_job_id=row.task if row else None,
        changed=changed,
        broken=str(fault) if fault else None,
        handmade=task is None,
        kind=str(row.get_schedule_type_display()) if row else "",
    )


def unknown(name: str) -> UnknownSchedule:
    known = ", ".join(sorted(declaration.scheduled()))
    return UnknownSchedule(f"There is no schedule {name!r}. Known: {known}.")


def _resumed(declared: Cadence | None, override: ScheduleOverride | None) -> int | None:
    """The interval at which a stopped schedule goes on when it is resumed."""
    if declared is None or declared.cron:
        return None
    return (override and override.interval_minutes) or declared.every_minutes


def _find(name: str) -> tuple[DeclaredTask[Any, Any] | None, Any, ScheduleOverride | None]:
    """The declared task, its row, None while stopped, and its override; or a row made by hand alone."""
    if task := declaration.scheduled().get(name):
        override = ScheduleOverride.objects.filter(name=name).first()
        return task, Schedule.objects.filter(pk=override.schedule_id).first() if override else None, override
    followed = ScheduleOverride.objects.exclude(schedule_id=None).values("schedule_id")
    handmade = Schedule.objects.exclude(pk__in=followed)
    row = handmade.filter(name=name).order_by("pk").first()
    if row is None and name.isdecimal() and len(name) < ID_DIGITS:
        row = handmade.filter(pk=int(name)).first()
    if row is None:
        raise unknown(name)
    return None, row, None


def _zone(task: DeclaredTask[Any, Any] | None) -> str | None:
    return task.cadence.tz if task and task.cadence else None
