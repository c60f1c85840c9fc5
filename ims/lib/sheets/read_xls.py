"""Read the first sheet of an .xls workbook, the format of Excel 97 to 2003, through xlrd.

It is read as a whole (the format holds at most 65,536 rows), so it may be smaller than other files.
"""

import io
from collections.abc import Callable, Iterator
from typing import IO, Any

import xlrd
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from ims.lib.sheets.cells import date_text, number_text
from ims.lib.sheets.errors import Limits, SheetError

MOST_BYTES = 25_000_000
BETWEEN = 1_000  # rows, then `tell` is called
DAMAGED = "The workbook is damaged: open it in Excel, save it as .xlsx and upload that."


def read_xls(
    file: IO[bytes], limits: Limits, tell: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[list[str]]:
    book = _open(file)
    if not book.nsheets:
        raise SheetError("The workbook has no sheet with cells: put the rows in the first sheet.")
    sheet = _first_sheet(book)
    if sheet.nrows > limits.rows:
        raise SheetError(
            f"Row {sheet.nrows:,} is filled; {limits.rows:,} rows are allowed: "
            "split the file and upload the parts."
        )
    return _rows(book, sheet, limits, tell)


def _open(file: IO[bytes]) -> Any:
    file.seek(0)
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        allowed = f"{MOST_BYTES / 1_000_000:g} MB"
        raise SheetError(f"An .xls file may have {allowed}: save it in Excel as .xlsx and upload that.")
    try:
        return xlrd.open_workbook(
            file_contents=content, on_demand=True, ragged_rows=True, logfile=io.StringIO()
        )
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            sentence = "The file is protected by a password: save it without one and upload it again."
            raise SheetError(sentence) from error
        raise SheetError(DAMAGED) from error
    except Exception as error:  # xlrd meets damage with whatever its parsing runs into
        raise SheetError(DAMAGED) from error


def _first_sheet(book: Any) -> Any:
    try:
        return book.sheet_by_index(0)
    except Exception as error:  # as above
        raise SheetError(DAMAGED) from error


def _rows(book: Any, sheet: Any, limits: Limits, tell: Callable[[int, int], None]) -> Iterator[list[str]]:
    epoch = CALENDAR_MAC_1904 if book.datemode else CALENDAR_WINDOWS_1900
    blank = 0
    for index in range(sheet.nrows):
        if index % BETWEEN == 0:
            tell(index, sheet.nrows)
        row = [_text(cell.ctype, cell.value, epoch) for cell in sheet.row(index)]
        while row and not row[-1]:
            row.pop()
        if not any(cell.strip() for cell in row):
            blank += 1
            continue
        _check(row, index + 1, limits)
        yield from ([] for _ in range(blank))
        blank = 0
        yield row
    tell(sheet.nrows, sheet.nrows)


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
