"""Write .xlsx and .csv row by row; text stays text, whatever it begins with."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from ims.lib.sheets.cells import escaped

# What XML 1.0 cannot hold.
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MAX_CHARACTERS = 32_767  # in a cell, by Excel
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


@dataclass(frozen=True)
class Sheet:
    title: str
    headers: Sequence[str]
    rows: Iterable[Sequence[Any]]


def write_xlsx(
    target: str | Path | IO[bytes],
    headers: Sequence[str],
    rows: Iterable[Sequence[Any]],
    title: str = "Sheet1",
) -> None:
    """One sheet: numbers, dates and booleans as such, everything else as text."""
    write_workbook(target, [Sheet(title, headers, rows)])


def write_workbook(target: str | Path | IO[bytes], sheets: Iterable[Sheet]) -> None:
    """Several sheets, written one after the other, each row as it comes."""
    book = Workbook(write_only=True)
    for sheet in sheets:
        page = book.create_sheet(sheet.title[:31])
        page.freeze_panes = "A2"
        page.append([_heading(page, name) for name in sheet.headers])
        for row in sheet.rows:
            page.append([_cell(page, value) for value in row])
    book.save(target)


def write_csv(target: str | Path | IO[str], headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """UTF-8 with the mark Excel looks for; a text that could be a formula gets an apostrophe in front."""
    if isinstance(target, str | Path):
        with Path(target).open("w", encoding="utf-8-sig", newline="") as file:
            _write_csv(file, headers, rows)
    else:
        _write_csv(target, headers, rows)


def _write_csv(file: IO[str] | io.TextIOBase, headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    writer = csv.writer(file)
    writer.writerow([_harmless(name) for name in headers])
    writer.writerows([_harmless(value) for value in row] for row in rows)


def _harmless(value: Any) -> Any:
    if value is None or isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).replace("\x00", "")
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(text) else text


def _heading(page: WriteOnlyWorksheet, name: str) -> Cell:
    cell = _text_cell(page, name)
    cell.font = Font(bold=True)
    return cell


def _cell(page: WriteOnlyWorksheet, value: Any) -> Any:
    if value is None or (isinstance(value, int | Decimal) and _is_finite(value)):
        return value
    if isinstance(value, float) and _is_finite(value):
        return value
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)  # Excel knows no zones
    if isinstance(value, date):
        return value
    return _text_cell(page, str(value))


def _text_cell(page: WriteOnlyWorksheet, text: str) -> Cell:
    cell = WriteOnlyCell(page, escaped(ILLEGAL.sub("", text))[:MAX_CHARACTERS])
    cell.data_type = "s"  # openpyxl takes "=1+1" for a formula and "#N/A" for an error
    return cell


def _is_finite(value: int | float | Decimal) -> bool:
    return value == value and value not in (float("inf"), float("-inf"))
