"""What a person asks for, done and queued in one transaction; pages, API and commands call these."""

from datetime import datetime
from typing import IO

from django.db import transaction

from crossdock import files, runs, services
from crossdock.models import UNFINISHED, CrossDockTask, Status
from ims.accounts.models import User
from ims.lib import audit
from scheduling import job


def ask(content: IO[bytes], name: str, group: str, user: User | None) -> CrossDockTask:
    """Keep an upload and queue it. Raises SheetError for a file that cannot be used."""
    return begin(services.receive(content, name, group, user))


def begin(task: CrossDockTask) -> CrossDockTask:
    """Save and queue a request whose upload is kept already: others may wait for this transaction."""
    try:
        with transaction.atomic():
            task.save(force_insert=True)
            enqueue(task)
    except BaseException:
        files.remove(files.absolute(task.input_file))
        raise
    return task


def cancel(task: CrossDockTask, user: User) -> None:
    """Raises NotNow where it has ended."""
    with transaction.atomic():
        services.cancel(task, user)
        _record("cancel", task, user)
    if task.job_id:
        job(task.job_id).cancel(by=user)


def retry(task: CrossDockTask, user: User) -> None:
    """Raises NotNow where it has not failed, or its upload is gone."""
    with transaction.atomic():
        services.make_ready(task)
        _record("retry", task, user)
        enqueue(task)


def repeat(task: CrossDockTask, user: User) -> CrossDockTask:
    """The same parts with today's prices. Raises NotNow where no file of it is kept."""
    return begin(services.repeat(task, user))


def delete(task: CrossDockTask, user: User) -> None:
    """Raises NotNow while it runs."""
    with transaction.atomic():
        services.delete(task)
        _record("delete", task, user)


def enqueue(task: CrossDockTask) -> None:
    from crossdock.tasks import process_file_task  # tasks knows us: it recovers what was lost

    queued = process_file_task.enqueue(
        file_path=task.input_file, supplier_list=task.supplier_group, task_id=str(task.pk)
    )
    task.job_id = queued.id
    CrossDockTask.objects.filter(pk=task.pk).update(job_id=queued.id)


def recover(at: datetime) -> dict[str, int]:
    """Requests whose workers or jobs were lost: begun anew, or failed with the reason."""
    given_back = failed = 0
    for task in services.silent(at):
        with transaction.atomic():
            if services.give_back(task, _reason(task)):
                enqueue(task)
                given_back += 1
            else:
                failed += task.status == Status.FAILED
    for task in services.waiting(at):
        failed += _fail_without_job(task)
    return {"given_back": given_back, "failed": failed}


def _fail_without_job(task: CrossDockTask) -> bool:
    """A request whose job ended or is unknown would wait for ever."""
    handle = job(task.job_id)
    if task.job_id and handle.state in ("scheduled", "waiting", "running", "retrying"):
        return False
    reason = services.NEVER_RAN.format(reason=_reason(task))
    return task.status in UNFINISHED and runs.fail(task, reason)


def _reason(task: CrossDockTask) -> str:
    """What its job said last, in brackets."""
    error = job(task.job_id).error if task.job_id else None
    lines = (error or "").strip().splitlines()
    return f" ({lines[-1][:500]})" if lines else ""


def _record(action: str, task: CrossDockTask, user: User) -> None:
    audit.record(f"cross_dock.{action}", f"price_request:{task.pk}", user, after={"file": task.filename})
