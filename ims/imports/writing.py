"""The rows of a file in batches, each in a transaction of its own; a bad row is left out, others are kept."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from itertools import islice
from typing import IO, Any, ClassVar

from django.db import models, transaction

from ims.accounts.models import User
from ims.imports.report import Report
from ims.imports.rows import Column, Row, RowError, read
from ims.lib.locks import one_at_a_time
from ims.lib.sheets import Limits, SheetError

BATCH = 500  # rows in one transaction
MOST_TOO_MUCH = 100  # rows
Settle = Callable[[Report], Report]


class TooMuch(Exception):
    """Rows cannot be kept together; `column` of the last of them is to be corrected."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


class RowKind(ABC):
    """One kind of sheet. It lives as long as one file is read, and may remember what it has seen."""

    name: ClassVar[str]
    title: ClassVar[str]
    columns: ClassVar[dict[str, Column]]
    limits: ClassVar[Limits]
    lock: ClassVar[int]  # held while a batch is written, so that an import sees what the one before wrote
    told: ClassVar[tuple[str, ...]] = ()  # exported besides, overlooked by an import
    example: ClassVar[tuple[Any, ...]]

    @abstractmethod
    def keep(self, rows: Sequence[Row], report: Report, user: User | None) -> None:
        """Write these rows, in a transaction that is open already; what cannot be is told in the report.

        Raises TooMuch where they are too much together; then they are given again, in halves.
        """

    @classmethod
    @abstractmethod
    def export(cls, found: Any) -> Iterator[list[Any]]:
        """The rows of an export, in the order of headings()."""

    @classmethod
    def headings(cls) -> list[str]:
        return [*cls.columns_to_fill(), *cls.told]

    @classmethod
    def columns_to_fill(cls) -> list[str]:
        return [column.headings[0] for column in cls.columns.values()]

    @classmethod
    def error(cls, row: Row, name: str, message: str) -> RowError:
        return RowError(row.number, cls.columns[name].headings[0], message)


def go_through(
    file: IO[bytes],
    name: str,
    kind: RowKind,
    user: User | None = None,
    tell: Callable[[int], None] = lambda done: None,
    settle: Settle = lambda report: report,
) -> Report:
    """Read all rows and keep the good ones. Raises SheetError for a file that cannot be used.

    `settle` is given the report so far in the transaction of each batch, and returns the one to go on with.
    """
    report, too_much = Report(), list[str]()
    found = read(file, name, kind.columns, kind.limits)
    while lines := list(islice(found, BATCH)):
        report.total += len(lines)
        good: list[Row] = []
        for line in lines:
            good.append(line) if isinstance(line, Row) else report.refuse(line)
        with transaction.atomic():
            one_at_a_time(kind.lock)
            too_much += keep_in_parts(kind, good, report, user)
            report = settle(report)
        if len(too_much) > MOST_TOO_MUCH:  # each is found by trying again
            raise SheetError(f"{too_much[-1]} More than {MOST_TOO_MUCH} rows are as large.")
        tell(report.total)
    report.errors.sort(key=lambda error: error.row)
    return report


def keep_in_parts(kind: RowKind, rows: Sequence[Row], report: Report, user: User | None) -> list[str]:
    """All at once; where that is too much, in halves, so that just the rows that make it so are left out.

    Returns what is told of each of these.
    """
    memories = [(of, {name: copy(value) for name, value in vars(of).items()}) for of in (kind, report)]
    try:
        with transaction.atomic():
            kind.keep(rows, report, user)
    except TooMuch as error:
        for of, memory in memories:
            vars(of).update(memory)
        if len(rows) == 1:
            report.refuse([kind.error(rows[0], error.column, str(error))])
            return [str(error)]
        half = len(rows) // 2
        first = keep_in_parts(kind, rows[:half], report, user)
        return first + keep_in_parts(kind, rows[half:], report, user)
    return []


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
