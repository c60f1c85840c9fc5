"""Add to counters that all processes share: rows of a model with the fields `count` and `seconds`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models

AT_ONCE = 500  # rows of a statement


def add(model: type[models.Model], keys: Sequence[str], tally: Mapping[Any, Sequence[float]]) -> None:
    """Add each count and its seconds to the row of these keys, which a constraint of the model makes unique.

    In a transaction; rows are taken in one order, so that processes never wait for one another in a ring.
    """
    rows = [[*map(_stored, key), count, seconds] for key, (count, seconds) in sorted(tally.items())]
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        with connection.cursor() as cursor:
            cursor.execute(_statement(model, keys, len(some)), [value for row in some for value in row])


def _statement(model: type[models.Model], keys: Sequence[str], rows: int) -> str:
    names = ", ".join(keys)
    marks = ", ".join(["%s"] * (len(keys) + 2))
    return f"""
        INSERT INTO {model._meta.db_table} AS kept ({names}, count, seconds)
        VALUES {", ".join([f"({marks})"] * rows)}
        ON CONFLICT ({names}) DO UPDATE
        SET count = kept.count + excluded.count, seconds = kept.seconds + excluded.seconds"""  # noqa: S608


def _stored(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
