"""Price requests and comments: asked, cancelled, retried, repeated, deleted. The only writers but a run.

Nothing here enqueues: see actions.py, which does both in one transaction.
"""

import os
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from crossdock import files, request_sheets, runs
from crossdock.models import UNFINISHED, CrossDockTask, Status, TaskComment
from crossdock.original import query_supplier_data
from crossdock.runs import process_file as process_cross_dock_data_from_file
from crossdock.stages import Counts
from ims.accounts.models import User
from ims.lib.sheets import SheetError
from ims.uploads import folder

__all__ = ["process_cross_dock_data_from_file", "query_supplier_data"]

SILENCE = timedelta(seconds=60)  # of a running request, after which its worker counts as lost
MOST_RUNS = 3  # workers that may be lost with one request
LOST = "Its worker was lost {n} times{reason}: split the file, or tell the operator, then retry."
NEVER_RAN = "Its job ended without a result{reason}: retry."


class NotNow(Exception):
    """The request is in a state in which this cannot be done; the message tells which and what to do."""


def receive(content: IO[bytes], name: str, group: str, user: User | None) -> CrossDockTask:
    """Check and keep the upload of a request that is not saved yet. Raises SheetError."""
    request_sheets.preview(content, name)
    task = CrossDockTask(filename=Path(name).name[-255:], supplier_group=group, user=user)
    try:
        task.input_file = files.keep_input(content, task.pk, name)
    except OSError as error:
        raise SheetError(folder.explain(error)) from error
    return task


def cancel(task: CrossDockTask, user: User | None) -> None:
    """Stop a waiting or running request; its worker notices within a second or two."""
    moment = now()
    moved = CrossDockTask.objects.filter(pk=task.pk, status__in=UNFINISHED).update(
        status=Status.CANCELLED, cancelled_by=user, finished_at=moment, updated_at=moment
    )
    task.refresh_from_db()
    if not moved and task.status != Status.CANCELLED:
        raise NotNow("It has ended already: there is nothing to cancel.")


def make_ready(task: CrossDockTask) -> None:
    """A failed or cancelled request waits again, from the kept upload."""
    if not task.input_file or not files.absolute(task.input_file).exists():
        raise NotNow("Its upload is no longer kept: upload the file again.")
    ended = CrossDockTask.objects.filter(pk=task.pk, status__in=(Status.FAILED, Status.CANCELLED))
    if not ended.update(**fresh()):
        raise NotNow("Only a failed or cancelled request can be retried.")
    task.refresh_from_db()


def fresh() -> dict[str, object]:
    """The fields of a request that waits for its first worker."""
    return {
        **Counts().__dict__,
        "status": Status.PENDING,
        "runs": 0,
        "run_token": uuid4(),
        "started_at": None,
        "finished_at": None,
        "heard_at": None,
        "cancelled_by": None,
        "error_message": "",
        "output_url": "",
        "job_id": "",
        "updated_at": now(),
    }


def repeat(task: CrossDockTask, user: User) -> CrossDockTask:
    """A request for the same parts, not saved yet: of the kept upload or, after success, of the result."""
    kept = files.absolute(task.input_file) if task.input_file else files.result_path(task.pk)
    name = task.filename if task.input_file else f"{os.path.splitext(task.filename)[0]}.xlsx"
    try:
        with kept.open("rb") as content:
            return receive(content, name, task.supplier_group, user)
    except FileNotFoundError as error:
        raise NotNow("Neither its upload nor its result is kept: upload the file again.") from error
    except SheetError as error:
        raise NotNow(str(error)) from error


def delete(task: CrossDockTask) -> None:
    """With its files and comments; a running one is to be cancelled first."""
    with transaction.atomic():
        ended = CrossDockTask.objects.filter(pk=task.pk).exclude(status__in=UNFINISHED)
        if not ended.select_for_update().exists():  # nobody retries it while it goes
            raise NotNow("It is still running: cancel it first.")
        CrossDockTask.objects.filter(pk=task.pk).delete()
        transaction.on_commit(partial(files.remove_all_of, task), robust=True)


# --- Comments ---------------------------------------------------------------------------------------------
def comment(task: CrossDockTask, user: User, text: str) -> TaskComment:
    return TaskComment.objects.create(task=task, user=user, text=text.strip())


def edit(written: TaskComment, text: str) -> None:
    written.text = text.strip()
    written.save(update_fields=["text", "updated_at"])


# --- What was left behind -----------------------------------------------------------------------------------
def silent(at: datetime) -> QuerySet[CrossDockTask]:
    """Running requests whose workers have given no sign of life."""
    return CrossDockTask.objects.filter(status=Status.RUNNING, heard_at__lt=at - SILENCE)


def give_back(task: CrossDockTask, reason: str = "") -> bool:
    """A request whose worker was lost waits again, or fails when that happens too often."""
    if task.runs >= MOST_RUNS:
        runs.fail(task, LOST.format(n=task.runs, reason=reason))
        return False
    same_run = CrossDockTask.objects.filter(
        pk=task.pk, status=Status.RUNNING, run_token=task.run_token, heard_at=task.heard_at
    )
    return bool(same_run.update(status=Status.PENDING, run_token=uuid4(), updated_at=now()))


def waiting(at: datetime) -> QuerySet[CrossDockTask]:
    """Requests that have waited for a while, whose jobs may be gone."""
    return CrossDockTask.objects.filter(status=Status.PENDING, updated_at__lt=at - SILENCE)


def prune(at: datetime) -> int:
    """Remove results and kept uploads of old requests, and files that no request names; returns how many."""
    before = at - timedelta(days=settings.CROSSDOCK_KEEP_DAYS)
    ended = CrossDockTask.objects.exclude(status__in=UNFINISHED)
    old = ended.filter(created_at__lt=before).exclude(finished_at__gte=before)  # an old one may be retried
    kept = CrossDockTask.objects.exclude(pk__in=old.values("pk"))
    inputs = {Path(name).name for name in kept.exclude(input_file="").values_list("input_file", flat=True)}
    results = {
        files.result_name(pk) for pk in kept.filter(status=Status.SUCCESS).values_list("pk", flat=True)
    }
    removed = 0
    for path in files.forgotten(inputs | results, at):
        files.remove(path)
        removed += 1
    old.filter(Q(input_file__gt="") | Q(output_url__gt="")).update(
        input_file="", output_url="", updated_at=now()
    )
    return removed
