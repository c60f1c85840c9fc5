"""Write .csv row by row; text stays text, whatever it begins with."""

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


def write_csv(target: str | Path | IO[str], headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """UTF-8 with the mark Excel looks for; a text that could be a formula gets an apostrophe in front."""
    if isinstance(target, str | Path):
        with Path(target).open("w", encoding="utf-8-sig", newline="") as file:
            _write(file, headers, rows)
    else:
        _write(target, headers, rows)


def without_apostrophe(text: str) -> str:
    """A cell of our own export as it was: the apostrophe that kept it from being a formula is gone."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


def _write(file: IO[str], headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
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
