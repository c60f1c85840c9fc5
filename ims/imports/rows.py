"""Rows of a spreadsheet: columns by their headings, cells as values, errors by row and column."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.db import models

from ims.lib.sheets import Limits, SheetError, find_columns, read_rows, without_apostrophe

ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T].*)?")
AMOUNT = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3})(\.[0-9]*)?|[+-]?\.[0-9]+")
LONGEST_MESSAGE = 300  # some of the framework's repeat the cell
LONGEST_AMOUNT = 60  # characters
NOISE = Decimal("1e-9")
ALL_DIGITS = Context(prec=2 * LONGEST_AMOUNT)
EXCEL_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}
INDIAN = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")  # day first, as in India


@dataclass(frozen=True)
class Column:
    """One column: its headings (the usual one first), and the model's field that checks its cells."""

    headings: tuple[str, ...]
    model: type[models.Model] | None = None
    field: str = ""
    read: Callable[[str], Any] | None = None
    is_needed: bool = False

    def value(self, text: str) -> Any:
        """Raises ValidationError."""
        if words := excel_error(text):
            raise ValidationError(words)
        if self.read:
            return self.read(text)
        assert self.model is not None
        known: Any = self.model._meta.get_field(self.field)
        if isinstance(known, models.DateField):
            return read_date(text)
        if isinstance(known, models.DecimalField):
            return read_amount(text, known)
        if isinstance(known, models.IntegerField) and not text.isdecimal():
            raise ValidationError(f"“{text[:20]}” is no whole number: give one, e.g. 1.")
        return known.clean(text, None)


Columns = Mapping[str, Column]  # by the name of the value


@dataclass(frozen=True)
class RowError:
    """What is wrong with one row. `row` counts as the spreadsheet does: the headings are row 1."""

    row: int
    column: str
    message: str


@dataclass(frozen=True)
class Row:
    number: int
    values: dict[str, Any]  # of the filled cells, by the column's name


def read(file: IO[bytes], name: str, columns: Columns, limits: Limits) -> Iterator[Row | list[RowError]]:
    """Each filled row, or what is wrong with it. Raises SheetError for a file that cannot be used."""
    lines = read_rows(file, name, limits)
    places = known_columns(next(lines, []), columns)
    for number, cells in enumerate(lines, start=2):
        texts = {
            column: text
            for column, place in places.items()
            if place < len(cells)
            if (text := without_apostrophe(cells[place].strip()))
        }
        if any(cell.strip() for cell in cells):
            yield read_row(number, texts, columns)


def known_columns(header: Sequence[str], columns: Columns) -> dict[str, int]:
    """Where each column is, by a heading or by the API's name."""
    headings = {name: (*column.headings, name) for name, column in columns.items()}
    places = find_columns(header, {name: headings[name] for name in columns if columns[name].is_needed})
    for name in columns:
        try:
            places |= find_columns(header, {name: headings[name]})
        except SheetError:
            continue  # an optional column
    return places


def read_row(number: int, texts: dict[str, str], columns: Columns) -> Row | list[RowError]:
    values: dict[str, Any] = {}
    errors = [
        RowError(number, column.headings[0], "It is empty: fill it in.")
        for name, column in columns.items()
        if column.is_needed and name not in texts
    ]
    for name, text in texts.items():
        try:
            values[name] = columns[name].value(text)
        except ValidationError as error:
            message = " ".join(error.messages)[:LONGEST_MESSAGE]
            errors.append(RowError(number, columns[name].headings[0], message))
    return errors or Row(number, values)


def excel_error(text: str) -> str:
    """What to do about a cell whose formula failed; nothing for others."""
    return f"It holds Excel's error {text}: correct the formula." if text in EXCEL_ERRORS else ""


def read_date(text: str) -> date:
    """2026-11-22, or day first as in India: 22.11.2026, 22/11/2026."""
    try:
        if match := ISO.fullmatch(text):
            return date(*(int(part) for part in match.groups()))
        if match := INDIAN.fullmatch(text):
            day, month, year = (int(part) for part in match.groups())
            return date(year, month, day)
    except ValueError:
        pass
    raise ValidationError(f"“{text[:20]}” is no date: give it as 2026-11-22 or 22/11/2026.")


def read_amount(text: str, field: Any) -> Decimal:
    """1250.5, or with thousands as in 1,250.50 and 12,34,567.50. A decimal comma is refused, not guessed.

    A binary fraction's noise is taken away: Excel shows 3.30 where the file says 3.3000000000000003.
    """
    if len(text) > LONGEST_AMOUNT or not AMOUNT.fullmatch(text):
        raise ValidationError(f"“{text[:20]}” is no number: give one, e.g. 1250.50.")
    amount = Decimal(text.replace(",", ""))
    rounded = amount.quantize(Decimal(1).scaleb(-field.decimal_places), context=ALL_DIGITS)
    checked: Decimal = field.clean(rounded if abs(rounded - amount) < NOISE else amount, None)
    return checked


def read_flag(text: str) -> bool:
    known = {
        "yes": True,
        "y": True,
        "true": True,
        "1": True,
        "no": False,
        "n": False,
        "false": False,
        "0": False,
    }
    if text.lower() not in known:
        raise ValidationError(f"“{text[:20]}” is neither yes nor no.")
    return known[text.lower()]
