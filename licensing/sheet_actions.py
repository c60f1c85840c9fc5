"""Spreadsheets for pages and API alike: begin an import that was looked at, export."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.utils.timezone import now

from ims.accounts.models import User
from ims.imports import uploads
from ims.web.spreadsheets import xlsx
from licensing import importing, queries
from licensing.balances import day_in_india
from licensing.models import License, SheetImport
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


def export(kind: str, wanted: Mapping[str, Any]) -> FileResponse:
    """A list as it is filtered, in the columns that the import takes."""
    rows = KINDS[kind]
    return xlsx(f"{kind}.xlsx", rows.headings(), rows.export(found(kind, wanted)), title=rows.title)


def found(kind: str, wanted: Mapping[str, Any]) -> QuerySet[Any]:
    if kind == "licences":
        names = ("q", "state", "exporter")
        own = {name: wanted[name] for name in names if name in wanted}
        return queries.search(License.objects.all(), day_in_india(now()), **own)
    if kind == "allotments":
        return queries.search_allotments(wanted.get("q", ""), only_open=bool(wanted.get("open")))
    return queries.search_boes(wanted.get("q", ""))


def template(kind: str) -> FileResponse:
    """An empty sheet with the headings and one example."""
    rows = KINDS[kind]
    return xlsx(f"{kind}-template.xlsx", rows.columns_to_fill(), [rows.example], title=rows.title)
