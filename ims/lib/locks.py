"""One at a time, over all processes that share the database."""

from django.db import connection


def one_at_a_time(key: int) -> None:
    """Wait until no other transaction holds this lock, and hold it until ours ends.

    SQLite needs none: its IMMEDIATE transactions wait for one another by themselves.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
