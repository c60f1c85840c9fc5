"""An upload's life: kept with what it would do, confirmed, written once, forgotten."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import IO, Any, TypeVar
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from ims.accounts.models import User
from ims.imports.models import SheetUpload
from ims.imports.report import Report
from ims.imports.writing import Settle
from ims.lib import audit
from ims.lib.sheets import SheetError
from ims.uploads import folder, upkeep
from scheduling import job


class UnknownImport(LookupError):
    """The row of an upload is gone: it was deleted, or was old."""

    permanent = True


Upload = TypeVar("Upload", bound=SheetUpload)
UNEXPECTED = "It failed unexpectedly: upload the file again."
HERE_AND_NOW = 500  # rows that are written within the request; more are a job
A_REQUEST = timedelta(minutes=2)  # longer than one may take
UNCONFIRMED = timedelta(days=1)  # then an upload is forgotten
PORTION = 100  # rows deleted in one transaction


def keep(upload: Upload, file: IO[bytes], name: str, report: Report) -> Upload:
    """Keep a file that was tried, under a generated name: the uploader's own is only shown."""
    if not report.total:
        raise SheetError("The file has no rows below its headings: fill in at least one.")
    upload.name, upload.report = name[-200:], report.as_json()
    file.seek(0)
    try:
        upload.file.save(uuid4().hex, File(file))
    except OSError as error:
        raise SheetError(folder.explain(error)) from error
    return upload


def claim(chosen: SheetUpload) -> bool:
    """Begin to write; False where somebody has begun already."""
    waiting = type(chosen)._default_manager.filter(pk=chosen.pk, confirmed_at=None)
    return bool(waiting.update(confirmed_at=now(), updated_at=now()))


def begin(
    chosen: SheetUpload,
    user: User,
    action: str,
    *,
    enqueue: Callable[..., Any],
    write: Callable[[int], object],
    **facts: str,
) -> bool:
    """Write what was shown, a large file by a job; False where that was begun before.

    `action` and `facts` are for the audit log.
    """
    rows = chosen.report["total"]
    with transaction.atomic():
        if not claim(chosen):
            return False
        noted = {**facts, "file": chosen.name, "rows": rows}
        audit.record(action, f"import:{chosen.pk}", user, after=noted)
        if rows > HERE_AND_NOW:
            chosen.job_id = enqueue(import_id=chosen.pk, rows=rows).id
            chosen.save(update_fields=["job_id", "updated_at"])
    if not chosen.job_id:
        try:
            write(chosen.pk)
        except (SheetError, folder.OutOfReach) as error:
            fail(chosen, str(error))
        except Exception:
            fail(chosen, UNEXPECTED)
            raise
    return True


def write(
    model: type[Upload], import_id: int, go: Callable[[Upload, IO[bytes], Settle], Report]
) -> Report | None:
    """Write a confirmed upload by `go`; nothing where that was done before. Safe to repeat.

    Raises SheetError, OutOfReach and UnknownImport.
    """
    chosen = model._default_manager.select_related("user").filter(pk=import_id).first()
    if chosen is None:
        raise UnknownImport(f"Import {import_id} is gone: upload the file again.")
    if chosen.finished_at:
        return None
    try:
        with folder.opened(chosen.file) as file:
            report = go(chosen, file, partial(settle, chosen))
    except (SheetError, folder.OutOfReach) as error:
        if error.permanent:
            fail(chosen, str(error))
        raise
    own = model._default_manager.filter(pk=import_id, finished_at=None)
    own.update(report=report.as_json(), file="", finished_at=now(), updated_at=now())
    upkeep.forget(chosen.file.name)
    return report


def settle(chosen: SheetUpload, report: Report) -> Report:
    """Keep the report so far, together with the rows that it tells of.

    Where another attempt wrote these rows before, its report of them counts: so what a killed one made is
    told as new by the next, and two at once tell the same.
    """
    own = type(chosen)._default_manager.select_for_update().get(pk=chosen.pk)
    if own.finished_at:
        return report
    told = own.report.get("so_far", {"total": 0})
    if told["total"] == report.total:
        return Report.from_json(told)
    if told["total"] < report.total:
        own.report["so_far"] = report.as_json()
        own.save(update_fields=["report", "updated_at"])
    return report


def fail(chosen: SheetUpload, reason: str) -> None:
    """Keep the reason for its uploader."""
    with transaction.atomic():
        unfinished = type(chosen)._default_manager.select_for_update().filter(pk=chosen.pk, finished_at=None)
        for own in unfinished:
            own.report["error"] = reason
            own.save(update_fields=["report", "updated_at"])


def state_of(chosen: SheetUpload) -> dict[str, Any]:
    """stage: preview, running, failed or done; with the job's progress while it runs."""
    good = chosen.report["total"] - chosen.report["bad"]
    if chosen.finished_at or not chosen.confirmed_at:
        return {"stage": "done" if chosen.finished_at else "preview", "good": good}
    if error := chosen.report.get("error"):
        return {"stage": "failed", "error": error}
    if not chosen.job_id:
        in_time = chosen.confirmed_at > now() - A_REQUEST
        return {"stage": "running", "percent": None, "progress": None} if in_time else {"stage": "failed"}
    handle = job(chosen.job_id)
    if handle.is_lost:
        return {"stage": "failed", "error": (handle.error or "").strip().rpartition("\n")[2]}
    progress = handle.progress
    percent = 100 * progress.done // progress.total if progress and progress.total else None
    return {"stage": "running", "percent": percent, "progress": progress}


def prune(model: type[SheetUpload], at: datetime) -> int:
    """Forget uploads that nobody confirmed within a day, all after IMPORTS_KEEP_DAYS; returns how many."""
    unconfirmed = Q(confirmed_at=None, created_at__lt=at - UNCONFIRMED)
    old = Q(created_at__lt=at - timedelta(days=settings.IMPORTS_KEEP_DAYS))
    return delete_in_portions(model._default_manager.filter(unconfirmed | old))


def delete_in_portions(unwanted: Any) -> int:
    """In short transactions, their files after each; who confirms one now comes too late, or before."""
    removed = 0
    while ids := _delete_some(unwanted):
        removed += len(ids)
    return removed


def _delete_some(unwanted: Any) -> list[int]:
    with transaction.atomic():
        ids = [each.pk for each in unwanted.order_by("pk").select_for_update()[:PORTION]]
        unwanted.model._default_manager.filter(pk__in=ids).delete()
    return ids
