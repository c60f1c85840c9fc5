"""Rows of a spreadsheet: columns by their headings, cells as values, errors by row and column."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import IO, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from ims.accounts.models import User
from ims.lib.sheets import Limits, SheetError, find_columns, read_rows, without_apostrophe

LIMITS = Limits(file_bytes=10_000_000, unpacked_bytes=200_000_000, rows=20_000, columns=100)
SHOWN = 200  # errors and changes of a report
ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T].*)?")
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


@dataclass
class Report:
    """What an import does, or would do."""

    total: int = 0  # rows
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: int = 0  # rows left out
    errors: list[RowError] = field(default_factory=list)  # the first of them
    changes: list[str] = field(default_factory=list)  # the first of them, 'row 3: L-1: port A → B'

    def refuse(self, errors: Sequence[RowError]) -> None:
        self.bad += 1
        self.errors += errors[: SHOWN - len(self.errors)]

    def tell_new(self, row: Row, name: str) -> None:
        self.new += 1
        self._tell(row, f"{name}: new")

    def tell(self, row: Row, name: str, differing: dict[str, tuple[Any, Any]]) -> None:
        """A row that is known already, with what it changes."""
        if not differing:
            self.unchanged += 1
            return
        self.changed += 1
        words = ", ".join(f"{key} {shown(old)} → {shown(new)}" for key, (old, new) in differing.items())
        self._tell(row, f"{name}: {words}")

    def _tell(self, row: Row, words: str) -> None:
        if len(self.changes) < SHOWN:
            self.changes.append(f"row {row.number}: {words}")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class RowKind(ABC):
    """One kind of sheet. It lives as long as one file is read, and may remember what it has seen."""

    name: ClassVar[str]
    title: ClassVar[str]
    columns: ClassVar[dict[str, Column]]
    told: ClassVar[tuple[str, ...]] = ()  # exported besides, overlooked by an import
    example: ClassVar[tuple[Any, ...]]

    @abstractmethod
    def keep(self, rows: Sequence[Row], report: Report, user: User | None) -> None:
        """Write these rows, in a transaction that is open already; what cannot be is told in the report."""

    @classmethod
    @abstractmethod
    def export(cls, found: Any) -> Iterator[list[Any]]:
        """The rows of an export, in the order of headings()."""

    @classmethod
    def headings(cls) -> list[str]:
        return [*(column.headings[0] for column in cls.columns.values()), *cls.told]

    @classmethod
    def error(cls, row: Row, name: str, message: str) -> RowError:
        return RowError(row.number, cls.columns[name].headings[0], message)


def read(file: IO[bytes], name: str, kind: type[RowKind]) -> Iterator[Row | list[RowError]]:
    """Each filled row, or what is wrong with it. Raises SheetError for a file that cannot be used."""
    lines = read_rows(file, name, LIMITS)
    places = known_columns(next(lines, []), kind)
    for number, cells in enumerate(lines, start=2):
        texts = {
            column: text
            for column, place in places.items()
            if place < len(cells)
            if (text := without_apostrophe(cells[place].strip()))
        }
        if any(cell.strip() for cell in cells):
            yield read_row(number, texts, kind)


def known_columns(header: Sequence[str], kind: type[RowKind]) -> dict[str, int]:
    needed = {name: column.headings for name, column in kind.columns.items() if column.is_needed}
    places = find_columns(header, needed)
    for name, column in kind.columns.items():
        try:
            places |= find_columns(header, {name: column.headings})
        except SheetError:
            continue  # an optional column
    return places


def read_row(number: int, texts: dict[str, str], kind: type[RowKind]) -> Row | list[RowError]:
    values: dict[str, Any] = {}
    errors = [
        RowError(number, column.headings[0], "It is empty: fill it in.")
        for name, column in kind.columns.items()
        if column.is_needed and name not in texts
    ]
    for name, text in texts.items():
        try:
            values[name] = kind.columns[name].value(text)
        except ValidationError as error:
            errors.append(RowError(number, kind.columns[name].headings[0], " ".join(error.messages)))
    return errors or Row(number, values)


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
    """1250.5, or with thousands as in 1,250.50."""
    try:
        Decimal(text.replace(",", ""))
    except InvalidOperation:
        raise ValidationError(f"“{text[:20]}” is no number: give one, e.g. 1250.50.") from None
    amount: Decimal = field.clean(text.replace(",", ""), None)
    return amount.quantize(Decimal(1).scaleb(-field.decimal_places))


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


def take_over(target: models.Model, values: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Give a stored row the filled cells; returns what differs as {field: (old, new)}."""
    differing = {}
    for name, new in values.items():
        old = getattr(target, name)
        if old != new:
            differing[name] = (old, new)
            setattr(target, name, new)
    return differing


def store_changed(model: Any, changed: Iterable[models.Model], fields: Sequence[str]) -> None:
    rows = list({row.pk: row for row in changed}.values())
    if rows:
        model.objects.bulk_update(rows, fields, batch_size=100)


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "—" if value is None or value == "" else str(value)
