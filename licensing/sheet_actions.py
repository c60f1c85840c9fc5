"""Spreadsheets for pages and API alike: begin an import that was looked at, export."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.http import FileResponse
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib import audit
from ims.web.spreadsheets import HERE_AND_NOW, xlsx
from licensing import importing, queries
from licensing.balances import day_in_india
from licensing.models import Allotment, BillOfEntry, License, SheetImport
from licensing.sheets import KINDS
from licensing.tasks import import_sheet


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


def export(kind: str, wanted: Mapping[str, str]) -> FileResponse:
    """All of a kind; licences as they are filtered. The same columns as the import takes."""
    rows = KINDS[kind]
    models: dict[str, Any] = {"licences": License, "boes": BillOfEntry, "allotments": Allotment}
    found = models[kind].objects.all()
    if kind == "licences":
        found = queries.search(found, day_in_india(now()), **wanted)
    return xlsx(f"{kind}.xlsx", rows.headings(), rows.export(found), title=rows.title)


def template(kind: str) -> FileResponse:
    """An empty sheet with the headings and one example."""
    rows = KINDS[kind]
    headings = [column.headings[0] for column in rows.columns.values()]
    return xlsx(f"{kind}-template.xlsx", headings, [rows.example], title=rows.title)
