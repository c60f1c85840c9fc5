"""Read the first sheet of an .xls workbook, the format of Excel 97 to 2003.

It is read as a whole (the format holds at most 65,536 rows), so it may be smaller than other files; and in a
process of its own (xls_process.py), for it may be hostile.
"""

import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO, Any

import xlrd
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from ims.lib.sheets import xls_process
from ims.lib.sheets.cells import date_text, number_text
from ims.lib.sheets.errors import Limits, SheetError

MOST_BYTES = 25_000_000
MOST_MEMORY = 400_000_000  # bytes, of the process that reads it
MOST_TIME = 60  # seconds
BETWEEN = 1_000  # rows, then `tell` is called
DAMAGED = "The workbook is damaged: open it in Excel, save it as .xlsx and upload that."
TOO_MUCH = "The workbook takes too much memory or time: save it in Excel as .xlsx and upload that."
COMPLAINTS = {
    xls_process.ENCRYPTED: "The file is protected by a password: save it without one and upload it again.",
    xls_process.NO_SHEET: "The workbook has no sheet with cells: put the rows in the first sheet.",
    xls_process.TOO_MUCH: TOO_MUCH,
    xls_process.TOO_LONG: TOO_MUCH,
}


def read_xls(
    file: IO[bytes], limits: Limits, tell: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[list[str]]:
    return _rows(_parsed(_content(file)), limits, tell)


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        allowed = f"{MOST_BYTES / 1_000_000:g} MB"
        raise SheetError(f"An .xls file may have {allowed}: save it in Excel as .xlsx and upload that.")
    return content


def _parsed(content: bytes) -> IO[bytes]:
    """What xls_process.py writes of it."""
    with ExitStack() as closing:
        lines = closing.enter_context(tempfile.TemporaryFile())
        code = _run(content, lines)
        if code == xls_process.DISK_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if code:
            raise SheetError(COMPLAINTS.get(code, DAMAGED))
        lines.seek(0)
        closing.pop_all()  # from now on they are the reader's
    return lines


def _run(content: bytes, lines: IO[bytes]) -> int:
    command = [sys.executable, "-I", xls_process.__file__, str(MOST_MEMORY), str(MOST_TIME)]
    done = subprocess.run(command, input=content, stdout=lines, stderr=subprocess.DEVNULL, check=False)
    return done.returncode


def _rows(lines: IO[bytes], limits: Limits, tell: Callable[[int, int], None]) -> Iterator[list[str]]:
    with lines:
        is_mac, total = json.loads(next(lines))
        if total > limits.rows:
            raise SheetError(
                f"Row {total:,} is filled; {limits.rows:,} rows are allowed: "
                "split the file and upload the parts."
            )
        epoch = CALENDAR_MAC_1904 if is_mac else CALENDAR_WINDOWS_1900
        blank = 0
        for index, line in enumerate(lines):
            if index % BETWEEN == 0:
                tell(index, total)
            row = _row(line, epoch)
            if not row:
                blank += 1
                continue
            _check(row, index + 1, limits)
            yield from ([] for _ in range(blank))
            blank = 0
            yield row
        tell(total, total)


def _row(line: bytes, epoch: Any) -> list[str]:
    row = [_text(kind, value, epoch) for kind, value in json.loads(line)]
    while row and not row[-1]:
        row.pop()
    return row if any(cell.strip() for cell in row) else []


def _text(kind: int, value: Any, epoch: Any) -> str:
    if kind == xlrd.XL_CELL_TEXT:
        return str(value).replace("\x00", "")
    if kind == xlrd.XL_CELL_NUMBER:
        return number_text(repr(value))
    if kind == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if value else "FALSE"
    if kind == xlrd.XL_CELL_DATE:
        return _date(value, epoch)
    if kind == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(value, "#N/A"))
    return ""


def _date(value: float, epoch: Any) -> str:
    try:
        return date_text(from_excel(value, epoch))
    except (ValueError, OverflowError):
        return number_text(repr(value))  # no such day: the number as it is


def _check(row: list[str], number: int, limits: Limits) -> None:
    if len(row) > limits.columns:
        raise SheetError(
            f"Row {number:,} is filled in column {len(row)}; {limits.columns} columns are allowed: "
            "remove what stands beyond."
        )
    if any(len(cell) > limits.cell_characters for cell in row):
        raise SheetError(f"A cell is longer than {limits.cell_characters:,} characters: shorten it.")
