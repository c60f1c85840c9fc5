"""Schedules: what code declares and an operator overrides becomes one Schedule row, written here only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule
from django_q.models import Task as FinishedTask

from ims.lib import audit
from ims.lib.locks import one_at_a_time
from scheduling import declaration
from scheduling.declaration import MAX_INTERVAL_MINUTES, Cadence, DeclaredTask
from scheduling.enqueue import enqueue
from scheduling.exceptions import BadInterval, UnknownSchedule
from scheduling.jobs import Job
from scheduling.models import ScheduleOverride

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from ims.accounts.models import User

    Who = User | AnonymousUser | None

SYNC_LOCK = 0x494D53  # the key of the lock under which schedules are written


@dataclass(frozen=True)
class ScheduleStatus:
    """One declared schedule as it stands."""

    name: str
    task: str
    active: bool
    schedule_id: str | None  # of the Schedule row; None while stopped
    interval_minutes: int | None  # None: by cron
    cron: str | None
    tz: str
    next_run: datetime | None
    repeats: int  # -1: for ever
    task_count: int  # finished runs in the history
    last_job_id: str | None
    changed: bool = False


def sync() -> None:
    """Make the Schedule rows what code and overrides say; safe from any number of clusters at once."""
    with transaction.atomic():
        one_at_a_time(SYNC_LOCK)
        declared = declaration.scheduled()
        for name, task in declared.items():
            override, _ = ScheduleOverride.objects.get_or_create(name=name)
            _write(task, override)
        for orphan in ScheduleOverride.objects.exclude(name__in=declared):
            Schedule.objects.filter(pk=orphan.schedule_id).delete()
            orphan.delete()


def start(
    name: str, interval_minutes: int | None = None, *, force: bool = False, user: Who = None
) -> ScheduleStatus:
    """Start a schedule or give it another interval, which takes effect at once.

    Without an interval the declared one holds. `force` also makes it due now.
    Raises UnknownSchedule, BadInterval.
    """
    task, cadence = _declared(name)
    if interval_minutes is not None:
        check_interval(cadence, interval_minutes)

    def apply(override: ScheduleOverride) -> None:
        override.stopped = False
        override.interval_minutes = interval_minutes

    return _control("schedule.start", name, task, user, apply, due_now=force)


def stop(name: str, *, user: Who = None) -> ScheduleStatus:
    """Stop a schedule until somebody starts it; restarts of clusters do not."""
    task, _ = _declared(name)

    def apply(override: ScheduleOverride) -> None:
        override.stopped = True

    return _control("schedule.stop", name, task, user, apply)


def run_now(name: str, *, user: Who = None) -> Job:
    """Queue one run at once; the schedule's own times stay as they are."""
    task, _ = _declared(name)
    with transaction.atomic():
        job = enqueue(task, group=name)
        audit.record("schedule.run_now", f"schedule:{name}", user, after={"job": job.id})
    return job


def status(name: str) -> ScheduleStatus:
    task, _ = _declared(name)
    override = ScheduleOverride.objects.filter(name=name).first()
    row = (
        Schedule.objects.filter(pk=override.schedule_id).first()
        if override and override.schedule_id
        else None
    )
    return _status(name, task, row, FinishedTask.objects.filter(group=name).count())


def all_statuses() -> list[ScheduleStatus]:
    """Every declared schedule, in a constant number of statements."""
    from django.db.models import Count

    ids = dict(ScheduleOverride.objects.values_list("name", "schedule_id"))
    rows = Schedule.objects.in_bulk([pk for pk in ids.values() if pk])
    counts = dict(
        FinishedTask.objects.filter(group__in=ids).order_by().values_list("group").annotate(n=Count("id"))
    )
    return [
        _status(name, task, rows.get(ids.get(name)), counts.get(name, 0))
        for name, task in sorted(declaration.scheduled().items())
    ]


def next_runs(name: str, count: int = 5) -> list[datetime]:
    """When a schedule would run next, in its order; empty while it is stopped."""
    _, cadence = _declared(name)
    current = status(name)
    runs = [current.next_run] if current.next_run else []
    while runs and len(runs) < count:
        runs.append(cadence.next_after(runs[-1], current.interval_minutes))
    return runs


def check_interval(cadence: Cadence, minutes: object) -> None:
    if cadence.cron:
        raise BadInterval(f"interval: {cadence.name} runs by cron ({cadence.cron}); leave the interval out.")
    if type(minutes) is not int or not 1 <= minutes <= MAX_INTERVAL_MINUTES:
        raise BadInterval(f"interval: give a whole number of minutes from 1 to {MAX_INTERVAL_MINUTES}.")


def _declared(name: str) -> tuple[DeclaredTask[Any, Any], Cadence]:
    task = declaration.scheduled().get(name)
    if task is None or task.cadence is None:
        known = ", ".join(sorted(declaration.scheduled()))
        raise UnknownSchedule(f"There is no schedule {name!r}. Known: {known}.")
    return task, task.cadence


def _control(
    action: str, name: str, task: DeclaredTask[Any, Any], user: Who, apply: Any, *, due_now: bool = False
) -> ScheduleStatus:
    """Change the override and its row in one transaction, with an entry in the audit log."""
    with transaction.atomic():
        one_at_a_time(SYNC_LOCK)
        override, _ = ScheduleOverride.objects.get_or_create(name=name)
        before = _describe(override)
        apply(override)
        override.save()
        row = _write(task, override, due_now=due_now)
        after = _describe(override)
        audit.record(action, f"schedule:{name}", user, before=before, after=after)
    count = FinishedTask.objects.filter(group=name).count()
    return _status(name, task, row, count, changed=before != after)


def _write(
    task: DeclaredTask[Any, Any], override: ScheduleOverride, *, due_now: bool = False
) -> Schedule | None:
    """Bring the Schedule row of one override in line. Returns it, or None while stopped."""
    cadence = task.cadence
    assert cadence is not None
    row = Schedule.objects.filter(pk=override.schedule_id).first() if override.schedule_id else None
    if override.stopped:
        if row:
            row.delete()
        override.schedule_id = None
        override.save()
        return None
    now = timezone.now()
    wanted = {
        "name": cadence.name,
        "func": task.path,
        "schedule_type": Schedule.CRON if cadence.cron else Schedule.MINUTES,
        "minutes": None if cadence.cron else override.interval_minutes or cadence.every_minutes,
        "cron": cadence.cron,
        "repeats": -1,
    }
    if row is None:
        row = Schedule(next_run=cadence.next_after(now) if cadence.cron else now)
    elif (row.minutes, row.cron) != (wanted["minutes"], wanted["cron"]):
        row.next_run = cadence.next_after(now, wanted["minutes"])
    if due_now:
        row.next_run = now
    for field, value in wanted.items():
        setattr(row, field, value)
    if row.pk is None:
        Schedule.objects.bulk_create([row])  # its save() would work out next_run anew, in another zone
    else:
        row.save()
    override.schedule_id = row.pk
    override.save()
    return row


def _status(
    name: str, task: DeclaredTask[Any, Any], row: Schedule | None, count: int, *, changed: bool = False
) -> ScheduleStatus:
    cadence = task.cadence
    assert cadence is not None
    return ScheduleStatus(
        name=name,
        task=task.name,
        active=row is not None,
        schedule_id=str(row.pk) if row else None,
        interval_minutes=(row.minutes if row else cadence.every_minutes),
        cron=cadence.cron,
        tz=cadence.tz,
        next_run=row.next_run if row else None,
        repeats=row.repeats if row else 0,
        task_count=count,
        last_job_id=row.task if row else None,
        changed=changed,
    )


def _describe(override: ScheduleOverride) -> dict[str, Any]:
    return {"stopped": override.stopped, "interval_minutes": override.interval_minutes}
