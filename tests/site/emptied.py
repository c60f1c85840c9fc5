"""After a test that commits, only what it filled is emptied.

Django truncates every table and fills in content types and permissions anew: longer than most tests take.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management.commands import flush
from django.core.management.sql import emit_post_migrate_signal, sql_flush
from django.db import connection

SAME_FOR_ALL = {"django_content_type", "auth_permission", "ims_uploads_uploadfolder"}
LARGE = 2**20  # bytes; rows that were deleted from such a table would be in the way of what follows


@pytest.fixture(scope="session", autouse=True)
def only_what_is_filled_is_emptied() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", _statements)
        patch.setattr(flush, "emit_post_migrate_signal", _fill_in)
        yield


def _statements(style: Any, wanted: Any, *options: Any, reset_sequences: bool, **others: Any) -> list[str]:
    filled = _filled_tables()
    if reset_sequences or any(_size(table) > LARGE for table in filled):
        return sql_flush(style, wanted, *options, reset_sequences=reset_sequences, **others)
    deletions = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in filled]
    if connection.vendor == "postgresql" and deletions:
        return ["SET LOCAL session_replication_role = replica", *deletions]  # without any trigger
    return deletions


def _fill_in(*arguments: Any, **options: Any) -> None:
    if not ContentType.objects.exists():
        emit_post_migrate_signal(*arguments, **options)


def _filled_tables() -> list[str]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    quote = connection.ops.quote_name
    looks = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quote(name)})" for name in names]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return [name for (name,) in cursor.fetchall() if name not in SAME_FOR_ALL]


def _size(table: str) -> int:
    """In bytes; SQLite leaves nothing in the way."""
    if connection.vendor == "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s)", [connection.ops.quote_name(table)])
        return int(cursor.fetchone()[0])
