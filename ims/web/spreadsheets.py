"""Spreadsheets to download."""

from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper
from tempfile import SpooledTemporaryFile
from typing import IO, Any, TypeVar

from django.core.exceptions import BadRequest
from django.http import FileResponse

from ims.lib.sheets import Sheet, SheetError, write_csv, write_workbook

IN_MEMORY = 5_000_000  # bytes of a download; larger ones lie on the disk
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

View = TypeVar("View", bound=Callable[..., Any])


def download(view: View) -> View:
    """For a view that makes a file of any size: it runs in threads that no page needs (ims/asgi.py)."""
    view.makes_file = True  # type: ignore[attr-defined]
    return view


def xlsx(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str) -> FileResponse:
    """A workbook of one sheet to download; text in it is never a formula."""
    return workbook(name, [Sheet(title, headings, rows)])


def workbook(name: str, sheets: Sequence[Sheet]) -> FileResponse:
    """The same of several sheets. More rows than a sheet can hold are the asker's error: 400."""
    file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the response closes it
    try:
        write_workbook(file, sheets)
    except SheetError as error:
        file.close()
        raise BadRequest(str(error)) from error
    return _download(file, name, XLSX)


def csv(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> FileResponse:
    """The same as text, with the mark by which Excel knows UTF-8."""
    file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the response closes it
    text = TextIOWrapper(file, "utf-8-sig", newline="")
    write_csv(text, headings, rows)
    text.detach()  # else it would close the file
    return _download(file, name, "text/csv; charset=utf-8")


def _download(file: IO[bytes], name: str, kind: str) -> FileResponse:
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=kind)
