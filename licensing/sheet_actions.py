"""Spreadsheets for pages and API alike: begin an import that was looked at, export."""

from collections.abc import Mapping
from typing import Any

from django.http import FileResponse
from django.utils.timezone import now

from ims.accounts.models import User
from ims.imports import uploads
from ims.web.spreadsheets import xlsx
from licensing import importing, queries
from licensing.balances import day_in_india
from licensing.models import Allotment, BillOfEntry, License, SheetImport
from licensing.sheets import KINDS
from licensing.tasks import import_sheet


def begin(chosen: SheetImport, user: User) -> bool:
    """Write what was shown, a large file by a job; False where that was begun before."""
    return uploads.begin(
        chosen,
        user,
        "licences.import",
        enqueue=import_sheet.enqueue,
        write=importing.write,
        kind=chosen.kind,
    )


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
    return xlsx(f"{kind}-template.xlsx", rows.columns_to_fill(), [rows.example], title=rows.title)
