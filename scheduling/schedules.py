"""Schedules: what code declares and an operator overrides becomes one Schedule row, written here only."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule
from django_q.models import Task as FinishedTask

from ims.lib import audit
from ims.lib.locks import one_at_a_time
from scheduling import declaration
from scheduling.cadence import MAX_INTERVAL_MINUTES, Cadence
from scheduling.declaration import DeclaredTask
from scheduling.enqueue import enqueue
from scheduling.exceptions import BadInterval
from scheduling.jobs import Job
from scheduling.models import ScheduleOverride
from scheduling.statuses import ScheduleStatus, all_statuses, describe, next_runs, status, unknown

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from ims.accounts.models import User

    Who = User | AnonymousUser | None

__all__ = [
    "ScheduleStatus",
    "all_statuses",
    "next_runs",
    "resume",
    "run_now",
    "start",
    "status",
    "stop",
    "sync",
]

SYNC_LOCK = 0x494D53  # the key of the lock under which schedules are written


def sync(now: datetime | None = None, *, take_over: bool = False) -> None:
    """Make the Schedule rows what code and overrides say; safe from any number of clusters at once.

    What a newer release wrote is left alone, so that an old cluster that starts in the middle of a deployment
    takes back nothing; `take_over` is for a deliberate return to an older release.
    """
    with transaction.atomic():
        one_at_a_time(SYNC_LOCK)
        now = now or timezone.now()  # one for all: what has the same rhythm becomes due together
        declared = declaration.scheduled()
        for name, task in declared.items():
            override, _ = ScheduleOverride.objects.get_or_create(name=name)
            if take_over or override.release <= settings.RELEASE:
                _write(task, override, now)
                _sign(override)
        orphans = ScheduleOverride.objects.exclude(name__in=declared)
        for orphan in orphans if take_over else orphans.filter(release__lte=settings.RELEASE):
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


def resume(name: str, *, user: Who = None) -> ScheduleStatus:
    """Start a stopped schedule as it was: with the interval that somebody gave it. Raises UnknownSchedule."""
    task, _ = _declared(name)

    def apply(override: ScheduleOverride) -> None:
        override.stopped = False

    return _control("schedule.start", name, task, user, apply)


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


def check_interval(cadence: Cadence, minutes: object) -> None:
    if cadence.cron:
        raise BadInterval(f"interval: {cadence.name} runs by cron ({cadence.cron}); leave the interval out.")
    if type(minutes) is not int or not 1 <= minutes <= MAX_INTERVAL_MINUTES:
        raise BadInterval(f"interval: give a whole number of minutes from 1 to {MAX_INTERVAL_MINUTES}.")


def _declared(name: str) -> tuple[DeclaredTask[Any, Any], Cadence]:
    task = declaration.scheduled().get(name)
    if task is None or task.cadence is None:
        raise unknown(name)
    return task, task.cadence


def _control(
    action: str, name: str, task: DeclaredTask[Any, Any], user: Who, apply: Any, *, due_now: bool = False
) -> ScheduleStatus:
    """Change the override and its row in one transaction, with an entry in the audit log."""
    with transaction.atomic():
        one_at_a_time(SYNC_LOCK)
        override, _ = ScheduleOverride.objects.get_or_create(name=name)
        before = _state(override)
        apply(override)
        override.save()
        row = _write(task, override, timezone.now(), due_now=due_now)
        after = _state(override)
        audit.record(action, f"schedule:{name}", user, before=before, after=after)
    count = FinishedTask.objects.filter(group=name).count()
    return describe(task, row, name, count, override, changed=before != after)


def _write(
    task: DeclaredTask[Any, Any], override: ScheduleOverride, now: datetime, *, due_now: bool = False
) -> Schedule | None:
    """Bring the Schedule row of one override in line. Returns it, or None while stopped."""
    cadence = task.cadence
    assert cadence is not None
    # Locked: the row that we write back must not be one that a cluster moved on meanwhile.
    row = Schedule.objects.select_for_update().filter(pk=override.schedule_id).first()
    if override.stopped:
        if row:
            row.delete()
        _point(override, None)
        return None
    minutes = None if cadence.cron else override.interval_minutes or cadence.every_minutes
    wanted = {
        "name": cadence.name,
        "func": task.path,
        "schedule_type": Schedule.CRON if cadence.cron else Schedule.MINUTES,
        "minutes": minutes,
        "cron": cadence.cron,
        "repeats": -1,
        "next_run": now if due_now else _next_run(row, cadence, minutes, now),
    }
    if row is None:
        row = Schedule(**wanted)
        Schedule.objects.bulk_create([row])  # its save() would work out next_run anew, in another zone
    elif any(getattr(row, field) != value for field, value in wanted.items()):
        for field, value in wanted.items():
            setattr(row, field, value)
        row.save(update_fields=list(wanted))
    _point(override, row.pk)
    return row


def _next_run(row: Schedule | None, cadence: Cadence, minutes: int | None, now: datetime) -> datetime:
    """What stands in the row, unless its rhythm has changed: that takes effect at once."""
    if row is None:
        return cadence.next_after(now) if cadence.cron else now
    planned: datetime | None = row.next_run
    is_as_before = (row.minutes, row.cron) == (minutes, cadence.cron)
    if is_as_before and planned and cadence.expects(planned, now, minutes):
        return planned
    return cadence.next_after(now, minutes)


def _point(override: ScheduleOverride, row_id: int | None) -> None:
    if override.schedule_id != row_id:
        override.schedule_id = row_id
        override.save(update_fields=["schedule_id", "updated_at"])


def _sign(override: ScheduleOverride) -> None:
    if override.release != settings.RELEASE:
        override.release = settings.RELEASE
        override.save(update_fields=["release", "updated_at"])


def _state(override: ScheduleOverride) -> dict[str, Any]:
    return {"stopped": override.stopped, "interval_minutes": override.interval_minutes}
