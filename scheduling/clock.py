"""The database's clock, by which leases end and jobs are due; on SQLite it is this machine's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Func
from django.utils import timezone


class DatabaseNow(Func):
    """The time of the statement, also inside a long transaction (PostgreSQL)."""

    function = "STATEMENT_TIMESTAMP"
    template = "%(function)s()"
    output_field = DateTimeField()


def moment() -> Any:
    """Now, as a value to store in a row: on PostgreSQL the server fills it in."""
    return DatabaseNow() if connection.vendor == "postgresql" else timezone.now()


def sql() -> str:
    """Now, as an SQL expression; SQLite compares datetimes as text of this form."""
    if connection.vendor == "postgresql":
        return "statement_timestamp()"
    return f"'{connection.ops.adapt_datetimefield_value(timezone.now())}'"


def read() -> datetime:
    """Now, by one statement on PostgreSQL."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def aware(value: Any) -> datetime | None:
    """A time as a raw statement gives it: SQLite's are without their zone, which is UTC, or text."""
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    return when.replace(tzinfo=UTC) if when and when.tzinfo is None else when
