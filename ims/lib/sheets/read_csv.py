"""Read .csv in the encodings and delimiters that Excel and accounting programs write."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import IO, Any

from ims.lib.sheets.errors import Limits, SheetError

SAMPLE = 65_536  # bytes
DELIMITERS = ",;\t"
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SEPARATOR_LINE = re.compile(r"^sep=([,;\t])\r?\n")  # Excel's own hint
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f]")
NOT_TEXT = "The file is not text: upload an .xlsx, .xls or .csv file."
BETWEEN = 1_000  # rows, then `tell` is called
MAX_LINES = 1_048_576  # rows, empty ones too: Excel's last
MAX_LENGTH = 1_000_000  # characters of one row


def read_csv(
    file: IO[bytes], limits: Limits, tell: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[list[str]]:
    size = file.seek(0, io.SEEK_END)
    encoding = find_encoding(file)
    plain = _plain(file)
    text = io.TextIOWrapper(plain, encoding=encoding, errors="replace", newline="")
    sample = text.read(SAMPLE)
    if len(CONTROLS.findall(sample)) > len(sample) / 100:
        text.detach()
        raise SheetError(NOT_TEXT)
    hint = SEPARATOR_LINE.match(sample)
    text.seek(0)
    if hint:
        text.readline()
    delimiter = hint[1] if hint else find_delimiter(sample)
    return _rows(text, delimiter, limits, lambda: tell(plain.tell(), size))


def _rows(
    text: "io.TextIOWrapper[Any]", delimiter: str, limits: Limits, tell: Callable[[], None]
) -> Iterator[list[str]]:
    blank = 0
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for number, row in enumerate(reader, start=1):
            lines.begin_row(number + 1)
            if number % BETWEEN == 0:
                tell()
            if number > MAX_LINES:
                raise SheetError(f"The file has more than {MAX_LINES:,} lines: remove the empty ones.")
            row = _trimmed(row)
            if not row:
                blank += 1
                continue
            _check(row, number, limits)
            yield from ([] for _ in range(blank))
            blank = 0
            yield row
        tell()
    except csv.Error as error:
        sentence = f"Line {reader.line_num} cannot be read ({error}): is a quotation mark left open?"
        raise SheetError(sentence) from error
    finally:
        text.detach()  # the file belongs to the caller


class _Lines:
    """The lines of a text, for csv.reader, which would take in a row of any length before we see it."""

    def __init__(self, text: "io.TextIOWrapper[Any]") -> None:
        self.text = text
        self.begin_row(1)

    def begin_row(self, number: int) -> None:
        self.number = number
        self.characters = 0  # of all its lines: quoted cells may have several

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.text.readline(MAX_LENGTH)
        if not line:
            raise StopIteration
        self.characters += len(line)
        if self.characters >= MAX_LENGTH:
            row = f"Row {self.number:,} is longer than {MAX_LENGTH:,} characters"
            raise SheetError(f"{row}: is a quotation mark left open?")
        return line


def _trimmed(row: list[str]) -> list[str]:
    """Without the empty cells at its end, and without NUL, which PostgreSQL cannot store."""
    row = [cell.replace("\x00", "") for cell in row]
    while row and not row[-1].strip():
        row.pop()
    return row


def _check(row: list[str], number: int, limits: Limits) -> None:
    if number > limits.rows:
        raise SheetError(f"The file has more than {limits.rows:,} rows: split it and upload the parts.")
    if len(row) > limits.columns:
        raise SheetError(f"Row {number} has {len(row)} columns, more than {limits.columns}: remove some.")
    if any(len(cell) > limits.cell_characters for cell in row):
        raise SheetError(f"A cell in row {number} is longer than {limits.cell_characters:,} characters.")


def find_encoding(file: IO[bytes]) -> str:
    """UTF-8 or UTF-16 where the bytes say so, else the Windows code page they look like."""
    file.seek(0)
    sample = file.read(SAMPLE)
    for bom, name in BOMS:
        if sample.startswith(bom):
            return name
    if b"\x00" in sample:
        return _utf16_without_bom(sample)
    if _is_utf8(file):
        return "utf-8"
    return _code_page(file)


def find_delimiter(sample: str) -> str:
    """The one that splits the heading, or else the first lines, into most cells."""
    lines = [line for line in sample.splitlines()[:20] if line.strip()]
    if not lines:
        return ","

    def cells(delimiter: str) -> tuple[int, int]:
        try:
            rows = list(csv.reader(lines, delimiter=delimiter))
        except csv.Error:
            return 0, 0
        return len(rows[0]), sum(len(row) for row in rows)

    return max(DELIMITERS, key=cells)


def _utf16_without_bom(sample: bytes) -> str:
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > len(sample) / 8 and even < odd / 4:
        return "utf-16-le"
    if even > len(sample) / 8 and odd < even / 4:
        return "utf-16-be"
    raise SheetError(NOT_TEXT)


def _is_utf8(file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while chunk := file.read(1 << 20):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _code_page(file: IO[bytes]) -> str:
    """Russian words are runs of high bytes; in Western ones they stand alone among ASCII letters."""
    file.seek(0)
    runs = alone = 0
    while chunk := file.read(1 << 20):
        high = re.findall(rb"[\xa8\xb8\xc0-\xff]+", chunk)
        alone += sum(len(run) == 1 for run in high)
        runs += sum(len(run) for run in high if len(run) > 1)
    file.seek(0)
    return "cp1251" if runs > alone else "cp1252"


def _plain(file: IO[bytes]) -> Any:
    """The file itself where Django has wrapped it."""
    inner = getattr(file, "file", file)
    inner.seek(0)
    return inner
