"""Jobs that call what this cluster's code does not declare are left to a cluster that declares it.

While a release is rolled out, old clusters meet jobs of new tasks. Such a job is laid aside: NOBODY holds it,
so that no claim meets it again, and its place in line stays. Every cluster looks every few seconds: it frees
what it knows, and ends what nobody has known for too long.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Min

from scheduling import claims, clock, declaration, endings, packages
from scheduling.claims import NOBODY, Claimed, Fence
from scheduling.exceptions import Undeclared
from scheduling.jobs import honour_cancellations
from scheduling.models import JobState, QueuedJob

logger = logging.getLogger("django-q")

PATIENCE = timedelta(minutes=15)  # since a cluster laid it aside
PATIENCE_TEXT = f"{PATIENCE // timedelta(minutes=1)} minutes"
LONG = timedelta(minutes=2)  # then people are warned
AT_ONCE = 500  # jobs looked at in one round


def lay_aside(job: Claimed, reason: str) -> None:
    """Leave a job to others; its start is not counted, and from then on `started_at` says since when."""
    logger.warning("Job %s is left to a cluster that knows its task: %s", job.job_id or job.pk, reason)
    claims.held(job.fence).update(holder=NOBODY, state=JobState.WAITING, attempts=F("attempts") - 1)
    honour_cancellations([job.job_id])


def look() -> int:
    """Free what this code knows, end what nobody knew in time; returns how many were freed."""
    oldest = QueuedJob.objects.filter(holder=NOBODY).aggregate(at=Min("started_at"))["at"]
    if oldest is None:
        return 0
    freed = _free_known()
    before = clock.read() - PATIENCE
    if oldest <= before:
        _end_unknown(before)
    return freed


def story(row: QueuedJob) -> str:
    """For people, of a job that lies aside; empty for any other."""
    if row.holder != NOBODY or row.started_at is None:
        return ""
    return (
        f"No cluster that met this job knew its task. Since {row.started_at:%Y-%m-%d %H:%M} UTC it is left"
        f" to one that does; it fails at {row.started_at + PATIENCE:%H:%M} UTC if none comes."
    )


def left_for_long(now: datetime) -> list[tuple[str, int, datetime]]:
    """Functions that nobody knew for longer than a release takes to begin; how many jobs, since when."""
    rows = QueuedJob.objects.filter(holder=NOBODY, started_at__lte=now - LONG).order_by().values_list("func")
    return list(rows.annotate(count=Count("id"), since=Min("started_at")).order_by("func"))


def _free_known() -> int:
    paths = [task.path for task in declaration.tasks()]
    rows = QueuedJob.objects.filter(holder=NOBODY, func__in=paths).order_by("started_at")[:AT_ONCE]
    return claims.free_again([row.pk for row in rows if not _lacks(row)])


def _end_unknown(before: datetime) -> None:
    rows = QueuedJob.objects.filter(holder=NOBODY, started_at__lte=before).order_by("started_at")
    for row in rows[:AT_ONCE]:
        if lacks := _lacks(row):
            _end(row, f"{lacks} No cluster knew it within {PATIENCE_TEXT}; retry the job when one does.")
        else:
            claims.free_again([row.pk])


def _lacks(row: QueuedJob) -> str:
    """What is not declared here of all that it calls; of any other fault its worker will tell."""
    try:
        packages.check(packages.loads(row.payload))
    except Undeclared as error:
        return str(error)
    except Exception:
        return ""
    return ""


@transaction.atomic
def _end(row: QueuedJob, reason: str) -> None:
    """Its end counts as an attempt, so that lists of failures tell of it."""
    counted = Fence(row.pk, NOBODY, row.attempts + 1)
    claims.held(Fence(row.pk, NOBODY, row.attempts)).update(attempts=counted.attempt)
    endings.refuse(counted, reason)
