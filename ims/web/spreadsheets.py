"""Spreadsheets on pages: how far an import is that was tried and confirmed, and files to download."""

from collections.abc import Iterable, Sequence
from io import StringIO
from tempfile import SpooledTemporaryFile
from typing import Any

from django.http import FileResponse, HttpResponse

from ims.lib.sheets import write_csv, write_xlsx
from scheduling import job

HERE_AND_NOW = 500  # rows that are written within the request; more are a job
IN_MEMORY = 5_000_000  # bytes of a workbook; larger ones lie on the disk
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LOST = ("failed", "cancelled", "unknown")  # states of a job that will not end its import


def state_of(chosen: Any) -> dict[str, Any]:
    """stage: preview, running, failed or done; with the job's progress while it runs.

    `chosen` is a row with report (total, bad), confirmed_at, finished_at and job_id.
    """
    good = chosen.report["total"] - chosen.report["bad"]
    if chosen.finished_at or not chosen.confirmed_at:
        return {"stage": "done" if chosen.finished_at else "preview", "good": good}
    handle = job(chosen.job_id)
    if handle.state in LOST:
        return {"stage": "failed", "error": (handle.error or "").strip().rpartition("\n")[2]}
    progress = handle.progress
    percent = 100 * progress.done // progress.total if progress and progress.total else None
    return {"stage": "running", "percent": percent, "progress": progress}


def xlsx(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str) -> FileResponse:
    """A workbook to download; text in it is never a formula."""
    file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the response closes it
    write_xlsx(file, headings, rows, title=title)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)


def csv(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """The same as text, with the mark by which Excel knows UTF-8."""
    text = StringIO()
    write_csv(text, headings, rows)
    response = HttpResponse(text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
