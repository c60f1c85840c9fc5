"""Spreadsheets for pages and API alike: begin an import that was looked at, tell how far it is, export."""

from collections.abc import Iterable, Mapping, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any

from django.db import transaction
from django.http import FileResponse
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib import audit
from ims.lib.sheets import write_xlsx
from licensing import importing, queries, runs
from licensing.balances import day_in_india
from licensing.models import Allotment, BillOfEntry, License, SheetImport
from licensing.sheets import KINDS
from licensing.tasks import import_sheet
from scheduling import job

HERE_AND_NOW = 500  # rows that are written within the request; more are a job
IN_MEMORY = 5_000_000  # bytes of a workbook; larger ones lie on the disk
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def begin(chosen: SheetImport, user: User) -> bool:
    """Write what was shown, a large file by a job; False where that was begun before."""
    rows = chosen.report["total"]
    with transaction.atomic():
        if not importing.claim(chosen):
            return False
        facts = {"kind": chosen.kind, "file": chosen.name, "rows": rows}
        audit.record("licences.import", f"import:{chosen.pk}", user, after=facts)
        queued = import_sheet.enqueue(import_id=chosen.pk, rows=rows) if rows > HERE_AND_NOW else None
        SheetImport.objects.filter(pk=chosen.pk).update(job_id=queued.id if queued else "")
    if not queued:
        importing.write(chosen.pk)
    return True


def state_of(chosen: SheetImport) -> dict[str, Any]:
    """stage: preview, running, failed or done; with the job's progress while it runs."""
    good = chosen.report["total"] - chosen.report["bad"]
    if chosen.finished_at or not chosen.confirmed_at:
        return {"stage": "done" if chosen.finished_at else "preview", "good": good}
    handle = job(chosen.job_id)
    if handle.state in runs.LOST:
        return {"stage": "failed", "error": runs.last_line(handle.error)}
    progress = handle.progress
    percent = 100 * progress.done // progress.total if progress and progress.total else None
    return {"stage": "running", "percent": percent, "progress": progress}


def export(kind: str, wanted: Mapping[str, str]) -> FileResponse:
    """All of a kind; licences as they are filtered. The same columns as the import takes."""
    rows = KINDS[kind]
    models: dict[str, Any] = {"licences": License, "boes": BillOfEntry, "allotments": Allotment}
    found = models[kind].objects.all()
    if kind == "licences":
        found = queries.search(found, day_in_india(now()), **wanted)
    return sheet(f"{kind}.xlsx", rows.headings(), rows.export(found))


def template(kind: str) -> FileResponse:
    """An empty sheet with the headings and one example."""
    rows = KINDS[kind]
    headings = [column.headings[0] for column in rows.columns.values()]
    return sheet(f"{kind}-template.xlsx", headings, [rows.example])


def sheet(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> FileResponse:
    """A workbook to download; text in it is never a formula."""
    file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the response closes it
    write_xlsx(file, headings, rows, title=name.removesuffix(".xlsx").capitalize())
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)
