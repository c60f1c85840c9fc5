"""Tables that people read in a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import OutputWrapper


def write_table(out: OutputWrapper, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their longest value; numbers to the right."""
    lines = [[cell(value) for value in row] for row in rows]
    widths = [max([len(header), *(len(line[at]) for line in lines)]) for at, header in enumerate(headers)]
    out.write("  ".join(header.ljust(width) for header, width in zip(headers, widths, strict=True)).rstrip())
    for line in lines:
        out.write("  ".join(align(value, width) for value, width in zip(line, widths, strict=True)).rstrip())


def write_json(out: OutputWrapper, value: Any) -> None:
    out.write(json.dumps(value, default=str, indent=2))


def cell(value: object) -> str:
    if value is None or value == "":
        return "—"
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)


def align(value: str, width: int) -> str:
    return value.rjust(width) if value.replace(".", "", 1).isdigit() else value.ljust(width)
