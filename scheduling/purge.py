"""Remove many jobs: what has not started is cancelled, and stays on record; what has ended is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django_q.models import Task as FinishedTask

from ims.lib import audit
from scheduling.claims import UNCLAIMED
from scheduling.jobs import cancelled_before_start, record_ends
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
    """Purge in short transactions; returns the number of jobs. What is queued meanwhile is left alone."""
    done, last = 0, QueuedJob.objects.aggregate(last=Max("id"))["last"] or 0
    while batch := _purge_batch(wanted, last):
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
def _purge_batch(wanted: JobFilter, last: int) -> int:
    if wanted.state in FINISHED:
        return forget(list(_rows(wanted).values_list("id", flat=True)[:BATCH]))
    rows = _rows(wanted).filter(pk__lte=last).select_for_update(skip_locked=_can_skip())
    return cancel(list(rows[:BATCH]), BY)


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
    record_ends([cancelled_before_start(row, by) for row in known])
    QueuedJob.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _can_skip() -> bool:
    return bool(connection.features.has_select_for_update_skip_locked)
