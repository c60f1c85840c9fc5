"""Rate limits in the database, shared by all processes and clusters: starts are spaced evenly."""

from __future__ import annotations

import time

from django.db import connection

from scheduling.exceptions import Throttled


class Throttle:
    """A limit on how often something may begin, e.g. the requests to one endpoint of a vendor."""

    def __init__(self, name: str, per_second: float) -> None:
        self.name = name
        self.per_second = per_second

    def wait(self, timeout: float = 30) -> None:
        """Sleep until the next free slot. Raises Throttled when that is more than `timeout` seconds away.

        Not to be called inside a transaction: the slot would be held from all others until it ends.
        """
        if _in_transaction():
            raise RuntimeError(f"Throttle {self.name!r} was waited for inside a transaction.")
        pause = reserve(self.name, self.per_second, within=timeout)
        if pause > timeout:
            raise Throttled(self.name, pause)
        time.sleep(pause)
        # A process that wakes up late comes too close to the next one: keep the distance once more, from now.
        time.sleep(reserve(f"{self.name} began", self.per_second))


def reserve(name: str, per_second: float, *, within: float = float("inf")) -> float:
    """Reserve the next free slot and return how many seconds away it is; 0 is now.

    A slot further away than `within` is only told, not reserved.
    """
    later = "GREATEST" if connection.vendor == "postgresql" else "MAX"
    table, now, interval = "scheduling_throttleslot", time.time(), 1 / per_second
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} AS slot (name, next_at) VALUES (%s, %s)"  # noqa: S608 - constants
            f" ON CONFLICT (name) DO UPDATE SET next_at = {later}(slot.next_at, %s) + %s"
            " WHERE slot.next_at <= %s RETURNING next_at",
            [name, now + interval, now, interval, now + min(within, 1e9)],
        )
        row = cursor.fetchone()
        if row is None:
            cursor.execute(f"SELECT next_at FROM {table} WHERE name = %s", [name])  # noqa: S608
            return max(0.0, float(cursor.fetchone()[0]) - now)
    return max(0.0, float(row[0]) - interval - now)


def _in_transaction() -> bool:
    """Whether a transaction is open, other than the one django.test.TestCase wraps a test in."""
    blocks = connection.atomic_blocks
    return any(not getattr(block, "_from_testcase", False) for block in blocks)
