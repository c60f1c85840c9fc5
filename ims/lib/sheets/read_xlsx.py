"""Stream the first sheet of an .xlsx file, which may be hostile.

One cell at a time through expat: memory does not depend on what the file unpacks to, and dimensions or
cells far away cost nothing. openpyxl is the reference that the tests compare with.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import IO

from openpyxl.utils.datetime import from_excel

from ims.lib.sheets.cells import date_text, number_text, unescaped
from ims.lib.sheets.damage import DAMAGED, damage
from ims.lib.sheets.errors import Limits, SheetError
from ims.lib.sheets.parts import Reader, local, parse
from ims.lib.sheets.workbook import Workbook, open_workbook

MAX_ROW = 1_048_576  # Excel's last
LAST_DAY = 2_958_466  # the serial number after 9999-12-31
REFERENCE = re.compile(r"^([A-Za-z]{1,3})\d{0,7}$")


def read_xlsx(
    file: IO[bytes], limits: Limits, tell: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[list[str]]:
    with damage():
        workbook = open_workbook(file, limits)
        parts = [part for part in (workbook.strings, workbook.sheet) if part]
        total = sum(workbook.archive.getinfo(part).file_size for part in parts)
        before = total - workbook.archive.getinfo(workbook.sheet).file_size
    strings = _shared_strings(workbook, limits, lambda fed: tell(fed, total))
    return _rows(workbook, strings, limits, lambda fed: tell(before + fed, total))


def _rows(
    workbook: Workbook, strings: list[str], limits: Limits, tell: Callable[[int], None]
) -> Iterator[list[str]]:
    sheet = _SheetReader(workbook, strings, limits)
    for fed in _feed(workbook, workbook.sheet, sheet):
        tell(fed)
        yield from sheet.take()


def _feed(workbook: Workbook, part: str, reader: Reader) -> Iterator[int]:
    """Parse a part chunk by chunk; the reader's handlers collect. Yields how many bytes are parsed."""
    chunks = parse(workbook.archive, part, reader)
    while True:
        with damage():  # of the file; what goes wrong between two chunks is the caller's
            fed = next(chunks, None)
        if fed is None:
            return
        yield fed


class _TextCollector:
    """Gathers the text of <t> (and <v>) and bounds its length."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.depth = 0  # of the elements that are open
        self.pieces: list[str] = []
        self.length = 0
        self.collecting = False
        self.phonetic = False

    def text(self, data: str) -> None:
        if not self.collecting:
            return
        self.length += len(data)
        if self.length > self.limits.cell_characters:
            raise SheetError(f"A cell is longer than {self.limits.cell_characters:,} characters: shorten it.")
        self.pieces.append(data)

    def clear(self) -> None:
        self.pieces.clear()
        self.length = 0

    def joined(self) -> str:
        return "".join(self.pieces)


class _StringsReader(_TextCollector):
    """The table of texts that cells point at."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.strings: list[str] = []
        self.characters = 0

    def start(self, name: str, _: dict[str, str]) -> None:
        self.depth += 1
        name = local(name)
        if name == "si":
            self.clear()
        elif name == "rPh":
            self.phonetic = True  # a reading aid, not the text
        self.collecting = name == "t" and not self.phonetic

    def end(self, name: str) -> None:
        self.depth -= 1
        name = local(name)
        self.collecting = False
        if name == "rPh":
            self.phonetic = False
        elif name == "si":
            self._keep(unescaped(self.joined()))

    def _keep(self, text: str) -> None:
        self.strings.append(text)
        self.characters += len(text)
        if len(self.strings) > self.limits.shared_strings or self.characters > self.limits.shared_characters:
            raise SheetError("The workbook holds too much text: split it and upload the parts.")


def _shared_strings(workbook: Workbook, limits: Limits, tell: Callable[[int], None]) -> list[str]:
    reader = _StringsReader(limits)
    if workbook.strings:
        for fed in _feed(workbook, workbook.strings, reader):
            tell(fed)
    return reader.strings


class _SheetReader(_TextCollector):
    """The rows of a sheet as they come by."""

    def __init__(self, workbook: Workbook, strings: list[str], limits: Limits) -> None:
        super().__init__(limits)
        self.workbook = workbook
        self.strings = strings
        self.rows: list[tuple[int, list[str]]] = []  # each with how many empty ones stand before it
        self.blank_rows = 0
        self.row_number = 0
        self.column = 0
        self.cells: dict[int, str] = {}
        self.kind = self.style = ""
        self.inside = False  # of sheetData
        self.readers: dict[str, Callable[[str], str]] = {
            "s": self._shared,
            "inlineStr": unescaped,
            "str": unescaped,
            "b": _boolean,
            "n": self._number,
            "d": lambda value: value.removesuffix("T00:00:00").removesuffix("Z"),
        }

    def take(self) -> Iterator[list[str]]:
        rows, self.rows = self.rows, []
        for blank, row in rows:
            yield from ([] for _ in range(blank))
            yield row

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        name = local(name)
        if name == "sheetData":
            self.inside = True
        elif not self.inside:
            return
        elif name == "row":
            self._start_row(attributes.get("r"))
        elif name == "c":
            self._start_cell(attributes)
        elif name == "rPh":
            self.phonetic = True
        self.collecting = name == "v" or (name == "t" and not self.phonetic)

    def end(self, name: str) -> None:
        self.depth -= 1
        name = local(name)
        self.collecting = False
        if name == "rPh":
            self.phonetic = False
        elif name == "c" and self.inside:
            self._end_cell()
        elif name == "row" and self.inside:
            self._end_row()
        elif name == "sheetData":
            self.inside = False

    def _start_row(self, reference: str | None) -> None:
        number = int(reference) if reference and reference.isdecimal() else self.row_number + 1
        if not self.row_number < number <= MAX_ROW:
            raise SheetError(DAMAGED)
        self.blank_rows += number - self.row_number - 1
        self.row_number = number
        self.column = 0
        self.cells = {}

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self.clear()
        self.kind, self.style = attributes.get("t", "n"), attributes.get("s", "")
        match = REFERENCE.match(attributes.get("r", ""))
        self.column = _column_number(match[1].upper()) if match else self.column + 1

    def _end_cell(self) -> None:
        text = self._cell_text()
        if not text:
            return
        if self.row_number > self.limits.rows:
            raise SheetError(
                f"Row {self.row_number:,} is filled; {self.limits.rows:,} rows are allowed: "
                "split the file and upload the parts."
            )
        if self.column > self.limits.columns:
            raise SheetError(
                f"Row {self.row_number:,} is filled in column {self.column}; {self.limits.columns} columns "
                "are allowed: remove what stands beyond."
            )
        self.cells[self.column] = text

    def _end_row(self) -> None:
        row = [self.cells.get(column, "") for column in range(1, max(self.cells, default=0) + 1)]
        if not row or not any(cell.strip() for cell in row):
            self.blank_rows += 1
            return
        self.rows.append((self.blank_rows, row))
        self.blank_rows = 0

    def _cell_text(self) -> str:
        return self.readers.get(self.kind, str)(self.joined())  # "e": an error is its text

    def _shared(self, index: str) -> str:
        if not index.strip():
            return ""
        if not index.strip().isdecimal() or int(index) >= len(self.strings):
            raise SheetError(DAMAGED)
        return self.strings[int(index)]

    def _number(self, text: str) -> str:
        kind = self.workbook.date_styles.get(self.style)
        if not text or not kind:
            return number_text(text)
        try:
            value = float(text)
            if kind == "date" and not 0 <= value < LAST_DAY:
                return number_text(text)
            return date_text(from_excel(value, self.workbook.epoch, timedelta=kind == "duration"))
        except (ValueError, OverflowError):
            return number_text(text)  # no such day: the number as it is


def _boolean(text: str) -> str:
    if not text:
        return ""
    return "TRUE" if text.strip() in ("1", "true") else "FALSE"


@cache
def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
