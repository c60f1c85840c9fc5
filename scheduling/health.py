"""Is the back office well? The database, a living cluster for each queue, no queue that starves."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from scheduling import overview, processes
from scheduling.declaration import QUEUES
from scheduling.overview import Overview, QueueFacts

DATABASE = "database"
CLUSTER = "cluster:"  # and a queue


@dataclass(frozen=True)
class Check:
    name: str  # database, cluster:QUEUE, starved:QUEUE
    ok: bool
    message: str


def checks(queues: Collection[str] = QUEUES, *, here: bool = False) -> list[Check]:
    """All checks; with `here`, only clusters of this host count. Where the database is out, only that one."""
    try:
        seen = overview.look()
    except (DatabaseError, InterfaceError) as error:
        return [Check(DATABASE, False, f"The database does not answer: {type(error).__name__}.")]
    return [Check(DATABASE, True, "The database answers."), *_checks(seen, queues, here)]


def starving(seen: Overview) -> list[Check]:
    """The queues whose oldest job waits too long."""
    return [check for queue in seen.queues if not (check := _fed(queue, seen)).ok]


def of_clusters(found: Collection[Check]) -> list[Check]:
    """Only whether clusters live; nothing where the database cannot tell."""
    return [check for check in found if check.name.startswith(CLUSTER)]


def is_well(found: Collection[Check]) -> bool:
    return all(check.ok for check in found)


def as_json(found: Collection[Check]) -> dict[str, Any]:
    status = "ok" if is_well(found) else "failing"
    return {
        "status": status,
        "checks": [{"name": each.name, "ok": each.ok, "message": each.message} for each in found],
    }


def _checks(seen: Overview, queues: Collection[str], here: bool) -> Iterator[Check]:
    host = processes.host()
    for queue in seen.queues:
        if queue.name not in queues:
            continue
        serving = [
            each for each in seen.alive if queue.name in each.queues and (not here or each.host == host)
        ]
        yield _served(queue.name, len(serving))
        yield _fed(queue, seen)


def _served(queue: str, count: int) -> Check:
    if count:
        return Check(f"{CLUSTER}{queue}", True, f"{count} living clusters serve {queue}.")
    return Check(
        f"{CLUSTER}{queue}", False, f"No living cluster serves {queue}: start one with `manage.py qcluster`."
    )


def _fed(queue: QueueFacts, seen: Overview) -> Check:
    age = (seen.now - queue.oldest_at).total_seconds() if queue.oldest_at else 0
    name = f"starved:{queue.name}"
    if queue.paused_at:
        return Check(name, True, f"{queue.name} is paused since {queue.paused_at:%Y-%m-%d %H:%M} UTC.")
    if age > settings.Q_STARVED_SECONDS:
        return Check(name, False, f"The oldest job of {queue.name} waits for {age:.0f} s.")
    return Check(name, True, f"No job of {queue.name} waits for long.")
