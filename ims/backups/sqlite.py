"""SQLite's own backup: a consistent copy while others write."""

import sqlite3
from contextlib import closing
from pathlib import Path

from django.db import connection

from ims.backups.counting import count_rows


def dump(to: Path) -> dict[str, int]:
    """Copy the database; returns the rows of each table of the copy."""
    connection.ensure_connection()
    with closing(sqlite3.connect(to)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        with closing(copy.cursor()) as cursor:
            return count_rows(cursor)


def load(dumped: Path) -> None:
    connection.ensure_connection()
    with closing(sqlite3.connect(dumped)) as copy:
        copy.backup(connection.connection)
