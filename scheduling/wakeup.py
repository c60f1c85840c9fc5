"""Hear of new jobs without asking for them: PostgreSQL tells (NOTIFY), SQLite counts its commits."""

from __future__ import annotations

import logging
import selectors
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, connections

from scheduling.inotify import Writes, writes_to

logger = logging.getLogger("django-q")

CHANNEL = "scheduling_queue"  # a trigger on the queue notifies it: migration 0003
LOOK = 0.004  # seconds between looks at SQLite's counter, where nobody tells of writes
SELDOM, SOON = 0.5, 0.001  # the same where somebody does, and just after he did
SOON_FOR = 0.02  # seconds
AGAIN = 5.0  # seconds until a lost connection is tried again; meanwhile the queue is looked at


Heard = tuple[list[Any], bool]  # events of the selector, and whether there may be new jobs


class Listener:
    """A connection of its own, because a notification waits until its connection is read."""

    def __init__(self, channel: str = CHANNEL) -> None:
        self._channel = channel
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

    def wait(self, selector: Any, seconds: float) -> Heard:
        """Wait for what the selector knows of, and for new jobs."""
        fileno = self.fileno()
        if fileno is None:
            return selector.select(seconds), False
        selector.register(fileno, selectors.EVENT_READ, None)
        try:
            events = selector.select(seconds)
        finally:
            selector.unregister(fileno)
        others = [event for event in events if event[0].data]
        return others, len(others) < len(events) and self.heard()

    def heard(self) -> bool:
        """Whether there may be new jobs since the last call."""
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
                cursor.execute(f"LISTEN {self._channel}")
        except (DatabaseError, InterfaceError) as error:
            self._lose(error)
        else:
            self._wrapper = wrapper

    def _lose(self, error: Exception) -> None:
        logger.warning("No word from the database for now; looking instead: %s", error)
        self._again = time.monotonic() + AGAIN
        wrapper, self._wrapper = self._wrapper, None
        if wrapper is not None:
            wrapper.close()


class CommitCounter:
    """SQLite's data_version changes when another connection has committed something.

    It is looked at when somebody wrote to the database, where the system tells of that, else often.
    A commit is seen a moment after it was written: whoever was told looks a few times more.
    """

    def __init__(self) -> None:
        self._seen: int | None = None
        self._writes: Writes | None = None
        self._soon_until = 0.0

    def wait(self, selector: Any, seconds: float) -> Heard:
        """Wait for what the selector knows of, and for new jobs."""
        until = time.monotonic() + seconds
        with self._told_by(selector):
            while True:
                others = self._sleep(selector, until)
                heard = self.heard()
                if others or heard or time.monotonic() >= until:
                    return others, heard

    def _sleep(self, selector: Any, until: float) -> list[Any]:
        """Until the next look, or an event: that of others is returned."""
        now = time.monotonic()
        until = min(until, now + self._look(now))
        while True:
            events = selector.select(max(0.0, until - time.monotonic()))
            others = [event for event in events if event[0].data]
            if others or not events:
                return others
            if self._writes and self._writes.take():
                self._soon_until = time.monotonic() + SOON_FOR
                return []

    def heard(self) -> bool:
        try:
            connection.ensure_connection()
            (version,) = connection.connection.execute("PRAGMA data_version").fetchone()
        except (DatabaseError, sqlite3.Error):
            return True  # whoever looks for them meets the same trouble, and waits
        heard, self._seen = version != self._seen, version
        return bool(heard)

    def close(self) -> None:
        self._seen = None
        if self._writes:
            self._writes.close()
            self._writes = None

    def _look(self, now: float) -> float:
        """Seconds until the counter is looked at next."""
        if self._writes is None:
            return LOOK
        return SOON if now < self._soon_until else SELDOM

    @contextmanager
    def _told_by(self, selector: Any) -> Iterator[None]:
        if self._writes is None:
            self._writes = writes_to(_path())
        if self._writes is None:
            yield
            return
        selector.register(self._writes, selectors.EVENT_READ, None)
        try:
            yield
        finally:
            selector.unregister(self._writes)


def _path() -> str:
    """Of SQLite's file; empty for a database in memory, or one that cannot be opened now."""
    try:
        connection.ensure_connection()
        [(_, _, path), *_] = connection.connection.execute("PRAGMA database_list")
    except (DatabaseError, sqlite3.Error):
        return ""
    return str(path)


def source(channel: str = CHANNEL) -> Listener | CommitCounter:
    """What wakes who listens on this channel; of SQLite any commit does."""
    return Listener(channel) if connection.vendor == "postgresql" else CommitCounter()
