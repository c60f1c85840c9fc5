"""Hear of new jobs without asking for them: PostgreSQL tells (NOTIFY), SQLite counts its commits."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, connections

logger = logging.getLogger("django-q")

CHANNEL = "scheduling_queue"  # a trigger on the queue notifies it: migration 0003
LOOK = 0.004  # seconds between looks at SQLite's counter, two microseconds each
AGAIN = 5.0  # seconds until a lost connection is tried again; meanwhile the queue is looked at


class Listener:
    """A connection of its own, because a notification waits until its connection is read."""

    look_every: float | None = None  # seconds; None: `fileno` becomes readable instead

    def __init__(self) -> None:
        self._wrapper: Any = None
        self._again = 0.0

    def fileno(self) -> int | None:
        """What to wait for; None while there is no connection."""
        if self._wrapper is None and time.monotonic() >= self._again:
            self._listen()
        try:
            return None if self._wrapper is None else int(self._wrapper.connection.fileno())
        except Exception as error:  # psycopg's own, of a connection that was closed
            self._lose(error)
            return None

    def heard(self) -> bool:
        """Whether there may be new jobs since the last call."""
        if self._wrapper is None:
            return True
        try:
            told = list(self._wrapper.connection.notifies(timeout=0))
        except Exception as error:  # psycopg's own, which only Django's cursors translate
            self._lose(error)
            return True
        return bool(told)

    def close(self) -> None:
        if self._wrapper is not None:
            self._wrapper.close()
            self._wrapper = None

    def _listen(self) -> None:
        wrapper = connections.create_connection("default")
        try:
            with wrapper.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
        except (DatabaseError, InterfaceError) as error:
            self._lose(error)
        else:
            self._wrapper = wrapper

    def _lose(self, error: Exception) -> None:
        logger.warning("No word of new jobs from the database for now; looking instead: %s", error)
        self._again = time.monotonic() + AGAIN
        wrapper, self._wrapper = self._wrapper, None
        if wrapper is not None:
            wrapper.close()


class CommitCounter:
    """SQLite's data_version changes when another connection has committed something."""

    look_every: float | None = LOOK

    def __init__(self) -> None:
        self._seen: int | None = None

    def fileno(self) -> int | None:
        return None

    def heard(self) -> bool:
        connection.ensure_connection()
        (version,) = connection.connection.execute("PRAGMA data_version").fetchone()
        heard, self._seen = version != self._seen, version
        return bool(heard)

    def close(self) -> None:
        self._seen = None


def source() -> Listener | CommitCounter:
    return Listener() if connection.vendor == "postgresql" else CommitCounter()
