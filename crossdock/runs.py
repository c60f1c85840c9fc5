"""One run of a price request by a worker, which may be killed, cancelled or overtaken at any moment.

A run holds a token; every write names it, so that a worker whose request was cancelled, or that another
worker has taken over, changes nothing and stops at its next look.
"""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from crossdock import files, news
from crossdock.models import UNFINISHED, CrossDockTask, Status
from crossdock.stages import Counts, Watcher, process
from ims.lib.sheets import SheetError
from ims.uploads import folder
from scheduling import SoftTimeout, cancelled, progress

PAUSE = 0.4  # seconds between two looks at the database


class UnknownTask(LookupError):
    """There is no such price request: it was deleted."""

    permanent = True


class RequestFailed(Exception):
    """A price request failed for a reason that its page shows; trying again by itself would not help."""

    permanent = True


class Stopped(Exception):
    """Somebody cancelled the request, or another worker has taken it over."""


def run(file_path: str, supplier_list: str, task_id: str) -> dict[str, Any]:
    """Process a price request; {"status": "success", "task_id", "output_url"}, or whatever else it is by now.

    Raises RequestFailed with the reason that its page shows, UnknownTask, and errors of the database,
    after which the job is tried again.
    """
    task = begin(task_id)
    if task.status != Status.RUNNING:
        return answer(task)
    part = files.part_path(task.pk, task.run_token)
    try:
        source = files.absolute(file_path)
        counts = process(source, source.name, supplier_list, part, Reporter(task))
        finish(task, part, counts)
        files.remove_input(file_path)
    except Stopped:
        pass
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if fail(task, explain(error)):
            raise RequestFailed(explain(error)) from error
    finally:
        files.remove(part)
    return answer(known(task_id))


def answer(task: CrossDockTask) -> dict[str, Any]:
    return {"status": task.status.lower(), "task_id": str(task.pk), "output_url": task.output_url}


def begin(task_id: str) -> CrossDockTask:
    """Take a waiting request, or one whose worker was lost; one that has ended stays as it is."""
    moment = now()
    CrossDockTask.objects.filter(pk=task_id, status__in=UNFINISHED).update(
        status=Status.RUNNING,
        run_token=uuid4(),
        runs=F("runs") + 1,
        started_at=Coalesce("started_at", moment),
        heard_at=moment,
        updated_at=moment,
        **asdict(Counts()),
    )
    return known(task_id)


def known(task_id: str) -> CrossDockTask:
    try:
        return CrossDockTask.objects.get(pk=task_id)
    except CrossDockTask.DoesNotExist:
        raise UnknownTask(f"There is no price request {task_id}.") from None


class Reporter(Watcher):
    """Writes how far a run is, and stops it where it may not go on."""

    def __init__(self, task: CrossDockTask) -> None:
        self.task = task
        self.looked = -PAUSE
        self.stage = ""

    def hear(self, counts: Counts) -> None:
        moment = time.monotonic()
        if counts.stage == self.stage and moment - self.looked < PAUSE:
            return
        self.looked, self.stage = moment, counts.stage
        progress(counts.percent, 100, counts.stage)
        if cancelled():
            stop_for_operator(self.task)
        written = now()
        if not own(self.task).update(heard_at=written, updated_at=written, **asdict(counts)):
            raise Stopped


def own(task: CrossDockTask) -> Any:
    """The row, while this run may write it."""
    return CrossDockTask.objects.filter(pk=task.pk, run_token=task.run_token, status=Status.RUNNING)


def stop_for_operator(task: CrossDockTask) -> None:
    """The job was cancelled as a job, not on the request's page."""
    moment = now()
    own(task).update(status=Status.CANCELLED, finished_at=moment, updated_at=moment)
    raise Stopped


def finish(task: CrossDockTask, part: Path, counts: Counts) -> None:
    """Put the result in its place and say so, both or neither, unless somebody was faster."""
    path = files.result_path(task.pk)
    with transaction.atomic():
        if not own(task).select_for_update().exists():
            raise Stopped
        os.replace(part, path)
        facts = {**asdict(counts), "input_file": "", "stage": "", "percent": 100}
        own(task).update(**facts)
        task.mark_as_success(files.result_url(task.pk))
        news.tell_ready(task)


def fail(task: CrossDockTask, reason: str) -> bool:
    """Tell its owner too. False where it is no longer this worker's: then another one has the say."""
    with transaction.atomic():
        if not task.mark_as_failed(reason):
            return False
        news.tell_failed(task)
    return True


def explain(error: Exception) -> str:
    """The reason that people read: what is wrong and what to do."""
    if isinstance(error, SheetError):
        return str(error)
    if isinstance(error, SoftTimeout):
        return "It took longer than allowed: split the file and upload the parts."
    if isinstance(error, OSError):
        return folder.explain(error)
    return f"It failed unexpectedly ({type(error).__name__}: {error}): retry, or tell the operator."


def process_file(file_path: str, supplier_list: str) -> str:
    """Process a file of no price request; returns the path of the result."""
    token = uuid4()
    part, path = files.part_path(token, token), files.result_path(token)
    try:
        process(files.absolute(file_path), Path(file_path).name, supplier_list, part)
        os.replace(part, path)
    finally:
        files.remove(part)
    return str(path)
