"""What an operator does with a job: retry, run again, cancel; each is in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django_q.models import Task as FinishedTask

from ims.lib import audit
from scheduling import again, clock, declaration, details, enqueue, packages
from scheduling.exceptions import NotPossible, Undeclared, UnknownJob
from scheduling.jobs import Job
from scheduling.models import Cancellation, JobState, Progress, QueuedJob

if TYPE_CHECKING:
    from scheduling.schedules import Who


def retry(job_id: str, *, user: Who = None) -> Job:
    """Give a job that failed or was cancelled one more attempt, under its own id; one that waits for its
    next attempt has it now. Raises UnknownJob, NotPossible."""
    before = details.of(job_id)
    if not before.may_retry:
        raise NotPossible(
            f"Job {job_id} is {before.state}: only failed, cancelled and retrying jobs are retried."
        )
    with transaction.atomic():
        if before.is_unfinished:
            _hasten(job_id)
        else:
            put_back(job_id)
        _note("job.retry", before, user, {"state": JobState.WAITING})
    return Job(job_id)


def run_again(job_id: str, *, user: Who = None) -> Job:
    """Queue a new job of the same task with the same arguments. Raises UnknownJob, NotPossible."""
    before = details.of(job_id)
    queued = QueuedJob.objects.filter(job_id=job_id).first()
    with transaction.atomic():
        if queued:
            told = _readable(queued)
            args, kwargs, group = told["args"], told["kwargs"], told.get("group")
        else:
            row = FinishedTask.objects.get(id=job_id)
            args, kwargs, group = row.args or (), row.kwargs or {}, row.group
        package, queue = _call(job_id, before.func, args, kwargs, group=group)
        job = enqueue.insert(package, queue=queue)
        _note("job.run_again", before, user, {"job": job.id})
    return job


def cancel(job_id: str, *, user: Who = None) -> str:
    """Cancel a job, or ask a running one to stop; returns its state then. Raises UnknownJob, NotPossible."""
    before = details.of(job_id)
    with transaction.atomic():
        if not Job(job_id).cancel(by=user if user is not None else "the command line"):
            raise NotPossible(f"Job {job_id} has ended: it is {before.state}.")
        after = Job(job_id).state
        _note("job.cancel", before, user, {"state": after})
    return after


def _hasten(job_id: str) -> None:
    waiting = QueuedJob.objects.filter(job_id=job_id, holder=None)
    if not waiting.update(lock=clock.moment()):
        raise NotPossible(f"Job {job_id} has just started.")


def put_back(job_id: str) -> None:
    """From the history into the queue; the attempts so far count, so that their record goes on."""
    row = FinishedTask.objects.select_for_update().filter(id=job_id, success=False).first()
    if row is None:
        raise UnknownJob(f"Job {job_id} was retried or removed a moment ago.")
    kept = {"id": row.id, "name": row.name, "hook": row.hook, "group": row.group}
    package, queue = _call(job_id, row.func, row.args or (), row.kwargs or {}, **kept)
    FinishedTask.objects.filter(id=job_id).delete()
    Cancellation.objects.filter(job_id=job_id).delete()
    Progress.objects.filter(job_id=job_id).delete()
    try:
        with transaction.atomic():
            QueuedJob.objects.bulk_create([_row_of(package, queue, row)])
    except IntegrityError as error:
        raise NotPossible(
            "A job of this task with the same arguments is unfinished: it is enough."
        ) from error


def _call(*told: Any, **kept: Any) -> tuple[packages.Package, str]:
    try:
        return again.call(*told, **kept)
    except (Undeclared, TypeError) as error:
        raise NotPossible(str(error)) from error


def _row_of(package: packages.Package, queue: str, row: Any) -> QueuedJob:
    declared = declaration.find(row.func)
    return QueuedJob(
        key=queue,
        payload=packages.dumps(package),
        lock=clock.moment(),
        job_id=row.id,
        func=declared.path,
        state=JobState.WAITING,
        attempts=row.attempt_count,
        enqueued_at=timezone.now(),
        unique_key=enqueue.unique_key(declared, package) if declared.unique else None,
    )


def _readable(row: QueuedJob) -> packages.Package:
    try:
        return packages.loads(row.payload)
    except packages.Unreadable as error:
        raise NotPossible(str(error)) from error


def _note(action: str, before: details.JobDetails, user: Who, after: dict[str, Any]) -> None:
    known = {"task": before.task, "state": before.state}
    audit.record(action, f"job:{before.id}", user, before=known, after=after)
