"""Remove many jobs: what has not started is cancelled, and stays on record; what has ended is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_q.models import Task as FinishedTask

from ims.lib import audit
from scheduling import packages
from scheduling.claims import UNCLAIMED
from scheduling.models import Attempt, CallOptions, Cancellation, JobLog, Progress, QueuedJob
from scheduling.search import FINISHED, BadFilter, JobFilter, history_rows, queue_rows

if TYPE_CHECKING:
    from scheduling.schedules import Who

BATCH = 500  # jobs a transaction
BY = "a purge"


def count(wanted: JobFilter) -> int:
    """How many jobs a purge removes now. Raises BadFilter."""
    return _rows(wanted).count()


def consequence(wanted: JobFilter) -> str:
    return "Forgets for ever" if wanted.state in FINISHED else "Cancels"


def run(wanted: JobFilter, *, user: Who = None) -> int:
    """Purge in short transactions; returns the number of jobs."""
    done = 0
    while batch := _purge_batch(wanted):
        done += batch
    audit.record(
        "job.purge",
        f"queue:{wanted.queue or 'all'}",
        user,
        before={"state": wanted.state},
        after={"jobs": done},
    )
    return done


def _rows(wanted: JobFilter) -> QuerySet[Any]:
    """Without a state: all that has not started."""
    if wanted.state == "running":
        raise BadFilter("state", "running jobs are cancelled one by one: jobs cancel ID.")
    if wanted.state in FINISHED:
        return history_rows(wanted)
    return queue_rows(wanted).filter(UNCLAIMED)


@transaction.atomic
def _purge_batch(wanted: JobFilter) -> int:
    if wanted.state in FINISHED:
        return forget(list(_rows(wanted).values_list("id", flat=True)[:BATCH]))
    return cancel(list(_rows(wanted).select_for_update(skip_locked=_can_skip())[:BATCH]), BY)


def forget(ids: list[str]) -> int:
    """Finished jobs and all that is known of them."""
    for model in (Attempt, JobLog, Progress, Cancellation, CallOptions):
        model._default_manager.filter(job_id__in=ids).delete()
    return int(FinishedTask.objects.filter(id__in=ids).delete()[0])


def cancel(rows: list[QueuedJob], by: str) -> int:
    """Jobs that nobody holds, locked by the caller."""
    now = timezone.now()
    known = [row for row in rows if row.job_id]
    Cancellation.objects.filter(job_id__in=[row.job_id for row in known]).delete()
    Cancellation.objects.bulk_create(
        Cancellation(job_id=row.job_id, requested_by=by[:150], requested_at=now, honoured_at=now)
        for row in known
    )
    FinishedTask.objects.bulk_create((_ended(row, now, by) for row in known), ignore_conflicts=True)
    QueuedJob.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _ended(row: QueuedJob, now: Any, by: str) -> FinishedTask:
    try:
        package = packages.loads(row.payload)
    except packages.Unreadable:
        package = {"name": row.job_id, "args": (), "kwargs": {}}
    return FinishedTask(
        id=row.job_id, name=package["name"], func=row.func, args=package["args"], kwargs=package["kwargs"],
        hook=package.get("hook"), group=package.get("group"), started=now, stopped=now, success=False,
        result=f"Cancelled by {by} before it {'ran again' if row.attempts else 'started'}.",
        attempt_count=row.attempts,
    )  # fmt: skip


def _can_skip() -> bool:
    return bool(connection.features.has_select_for_update_skip_locked)
