"""Choose the reader by what the file is, not by what it is called."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ims.lib.sheets.errors import Limits, SheetError
from ims.lib.sheets.read_csv import read_csv

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of .xls and of password-protected .xlsx
WORKBOOKS = (".xlsx", ".xlsm")
OLD_WORKBOOK = ".xls"
TEXTS = (".csv", ".tsv", ".txt")
BINARIES = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")
DEFAULT_LIMITS = Limits()

Tell = Callable[[int, int], None]


def read_rows(
    file: IO[bytes] | str | Path,
    filename: str = "",
    limits: Limits = DEFAULT_LIMITS,
    tell: Tell = lambda done, total: None,
) -> Iterator[list[str]]:
    """The rows of the first sheet, every cell as text.

    Rows end at their last filled cell; an empty row between others is [], those at the end are left out.
    `tell` hears how far the reading is: so many of so many bytes (of an .xls: rows).
    Raises SheetError at once for a wrong file, and while iterating for what is wrong further down.
    """
    if isinstance(file, str | Path):
        return _from_path(Path(file), filename or Path(file).name, limits, tell)
    return _open(file, filename, limits, tell)


def _from_path(path: Path, filename: str, limits: Limits, tell: Tell) -> Iterator[list[str]]:
    file = path.open("rb")
    try:
        rows = _open(file, filename, limits, tell)
    except BaseException:
        file.close()
        raise
    return _closing(file, rows)


def _closing(file: IO[bytes], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    with file:
        yield from rows


def _open(file: IO[bytes], filename: str, limits: Limits, tell: Tell) -> Iterator[list[str]]:
    extension = os.path.splitext(filename)[1].lower()
    if extension and extension not in (*WORKBOOKS, *TEXTS, OLD_WORKBOOK):
        raise SheetError(f"“{extension}” files cannot be read: upload an .xlsx, .xls or .csv file.")
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        raise SheetError("The file is empty: choose a file with rows.")
    if size > limits.file_bytes:
        allowed = f"{limits.file_bytes / 1_000_000:g} MB"
        raise SheetError(f"The file is larger than {allowed}: split it and upload the parts.")
    file.seek(0)
    head = file.read(4096)
    file.seek(0)
    if head.startswith(ZIP):
        _expect_workbook(extension)
        from ims.lib.sheets.read_xlsx import read_xlsx  # openpyxl: a third of a second of every start

        return read_xlsx(file, limits, tell)
    if head.startswith(OLE):
        _expect_old_workbook(file, extension)
        from ims.lib.sheets.read_xls import read_xls

        return read_xls(file, limits, tell)
    _refuse_others(head, extension)
    return read_csv(file, limits, tell)


def _expect_workbook(extension: str) -> None:
    if extension in (OLD_WORKBOOK, *TEXTS):
        raise SheetError(f"The file is named {extension} but is a workbook or archive: rename it to .xlsx.")


def _expect_old_workbook(file: IO[bytes], extension: str) -> None:
    if _is_encrypted(file):
        raise SheetError("The file is protected by a password: save it without one and upload it again.")
    if extension in (*WORKBOOKS, *TEXTS):
        raise SheetError(f"The file is named {extension} but is of the old .xls format: rename it to .xls.")


def _refuse_others(head: bytes, extension: str) -> None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        raise SheetError("The file is a web page or XML: open it in Excel, save it as .xlsx and upload that.")
    if head.startswith(BINARIES):
        raise SheetError("The file is not a spreadsheet: upload an .xlsx, .xls or .csv file.")
    if extension in (*WORKBOOKS, OLD_WORKBOOK):
        raise SheetError(f"The file is named {extension} but is no workbook: save it in Excel as .xlsx.")


def _is_encrypted(file: IO[bytes]) -> bool:
    """Encrypted workbooks have a stream of this name in their directory, which may be at the end."""
    name = "EncryptedPackage".encode("utf-16-le")
    file.seek(0)
    tail = b""
    while chunk := file.read(1 << 20):
        if name in tail + chunk:
            return True
        tail = chunk[-len(name) :]
    return False
