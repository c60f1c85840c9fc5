"""Price requests as spreadsheets: which columns are brand and article, and each row as text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from crossdock.keys import LONGEST
from ims.lib.sheets import Limits, SheetError, find_columns, read_rows

# Field → its heading, and other headings that people give it.
HEADINGS = {
    "brand": ("Бренд", "Brand", "A"),
    "article": ("Артикул", "Article", "SKU", "B"),
}
LIMITS = Limits(file_bytes=50_000_000, rows=500_000, columns=200)
PREVIEWED = 5  # rows


@dataclass(frozen=True)
class Columns:
    """Where brand and article stand; `guessed` where no heading says so."""

    brand: int
    article: int
    header: Sequence[str]
    guessed: bool

    @property
    def brand_name(self) -> str:
        return self.header[self.brand]

    @property
    def article_name(self) -> str:
        return self.header[self.article]


@dataclass(frozen=True)
class Line:
    """One filled row. `number` counts as the spreadsheet does; a row with a problem cannot be priced."""

    number: int
    brand: str
    article: str
    problem: str = ""


@dataclass(frozen=True)
class Preview:
    columns: Columns
    lines: list[Line]


def recognise(header: Sequence[str]) -> Columns:
    """By their headings, else the first two columns. Raises SheetError that lists missing and found ones."""
    places = {field: _place(header, field) for field in HEADINGS}
    brand, article = places["brand"], places["article"]
    if brand is not None and article is not None:
        return Columns(brand, article, header, guessed=False)
    known = brand if brand is not None else article
    free = [place for place in range(min(2, len(header))) if place != known]
    if (known is None and len(free) < 2) or (known is not None and (known > 1 or not free)):
        find_columns(header, {field: HEADINGS[field] for field, at in places.items() if at is None})
    if brand is None:
        brand = free.pop(0)
    return Columns(brand, free.pop(0) if article is None else article, header, guessed=True)


def _place(header: Sequence[str], field: str) -> int | None:
    try:
        return find_columns(header, {field: HEADINGS[field]})[field]
    except SheetError:
        return None


def read(
    file: IO[bytes] | Path, name: str, tell: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Columns, Iterator[Line]]:
    """The columns and then every filled row of a price request. Raises SheetError, also while iterating."""
    rows = read_rows(file, name, LIMITS, tell)
    header = next(rows, [])
    if not header:
        raise SheetError("The first row is empty: name the columns “Бренд” and “Артикул” in it.")
    columns = recognise(header)
    return columns, _lines(rows, columns)


def preview(file: IO[bytes], name: str) -> Preview:
    """The columns and the first rows. Raises SheetError for a file that cannot be used or asks nothing."""
    columns, lines = read(file, name)
    first = list(islice(lines, PREVIEWED))
    if not first:
        raise SheetError("The file has no rows below its headings: fill in at least one.")
    return Preview(columns, first)


def _lines(rows: Iterator[list[str]], columns: Columns) -> Iterator[Line]:
    for number, cells in enumerate(rows, start=2):
        if cells:
            brand, article = (_cell(cells, place) for place in (columns.brand, columns.article))
            yield Line(number, brand, article, _problem(brand, article))


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip() if place < len(cells) else ""


def _problem(brand: str, article: str) -> str:
    """Why a row cannot be priced, in the words of its readers."""
    empty = [name for name, text in (("бренд", brand), ("артикул", article)) if not text]
    if empty:
        return f"Не указан {' и '.join(empty)}."
    if len(brand) > LONGEST or len(article) > LONGEST:
        return f"Бренд или артикул длиннее {LONGEST} символов."
    return ""
