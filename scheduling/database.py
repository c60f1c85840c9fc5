"""The connection in bad hours: wait for a database that does not answer; keep what must stay open."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections

logger = logging.getLogger("django-q")
T = TypeVar("T")

PAUSE = 1.0  # seconds between attempts
LONGEST_PAUSE = 2.0  # seconds
# How PostgreSQL's codes begin where waiting helps: connections, deadlocks, resources, locks, restarts, the
# system; and a standby that is not the primary yet. All else says that a statement or a table is wrong.
PASSING = ("08", "25006", "25P03", "40", "53", "55", "57", "58")
SQLITE_PASSING = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}  # fmt: skip


def until_it_answers(act: Callable[[], T]) -> T:
    """Call until the database answers. `act` must be safe to repeat."""
    while True:
        try:
            return act()
        except (DatabaseError, InterfaceError) as error:
            if not is_outage(error):
                raise
            logger.error("Waiting for the database: %s", error)
            connections.close_all()
            time.sleep(PAUSE)


def is_outage(error: Exception) -> bool:
    """Whether waiting may help; of an error without a code, whether it tells of a lost connection."""
    if code := getattr(error.__cause__, "sqlstate", None):
        return str(code).startswith(PASSING)
    if code := getattr(error.__cause__, "sqlite_errorcode", None):
        return code & 0xFF in SQLITE_PASSING  # the rest says more of the same
    return isinstance(error, OperationalError | InterfaceError)


class Outage:
    """A time in which the database does not answer, for a loop that must not wait: when to ask again."""

    def __init__(self) -> None:
        self.pause = 0.0  # seconds; 0 while the database answers
        self.until = 0.0  # monotonic

    def rests(self, now: float) -> bool:
        return now < self.until

    def is_over(self) -> None:
        self.pause = 0.0

    @contextmanager
    def ridden_out(self) -> Iterator[None]:
        """Raises what is no outage: a missing column says so at once, and does not look like patience."""
        try:
            yield
        except (DatabaseError, InterfaceError) as error:
            if not is_outage(error):
                raise
            logger.error("The database did not answer: %s", str(error).strip())
            connections.close_all()
            self.pause = min(max(0.1, self.pause * 2), LONGEST_PAUSE)
            self.until = time.monotonic() + self.pause


_inherited: list[Any] = []  # kept for ever: closing them would speak on the parent's connections


def before_fork() -> None:
    """Close what a child must not share.

    SQLite's locks are the process's own: a child that inherits an open file believes that it has them, and
    what it commits is gone when the last one who really has them closes the file.
    """
    if not connection.in_atomic_block:
        connections.close_all()


def after_fork() -> None:
    """In the child: leave the parent's connections to it, without a word to the server."""
    for each in connections.all(initialized_only=True):
        _inherited.append(each.connection)
        each.connection = None


@contextmanager
def keeping_the_connection() -> Iterator[None]:
    """Let Django Q2's code leave the connection open where we are in a transaction.

    It drops connections that are old or whose autocommit is not as configured, and with them the transaction.
    """
    configured, close_at = connection.settings_dict["AUTOCOMMIT"], connection.close_at
    connection.settings_dict["AUTOCOMMIT"], connection.close_at = connection.get_autocommit(), None
    try:
        yield
    finally:
        connection.settings_dict["AUTOCOMMIT"], connection.close_at = configured, close_at
