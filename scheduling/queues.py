"""Pause and resume queues: no cluster starts a job of a paused one; running jobs go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from ims.lib import audit
from scheduling.declaration import QUEUES
from scheduling.exceptions import UnknownQueue
from scheduling.models import PausedQueue

if TYPE_CHECKING:
    from scheduling.schedules import Who


@transaction.atomic
def pause(name: str, *, user: Who = None) -> bool:
    """Start no more jobs of this queue; False where it was paused already. Raises UnknownQueue."""
    check(name)
    by = str(user) if user is not None else "the command line"
    _, is_new = PausedQueue.objects.get_or_create(name=name, defaults={"paused_by": by[:150]})
    if is_new:
        audit.record("queue.pause", f"queue:{name}", user, before={"paused": False}, after={"paused": True})
    return is_new


@transaction.atomic
def resume(name: str, *, user: Who = None) -> bool:
    """Start jobs of this queue again, within three seconds; False where it was not paused."""
    check(name)
    was_paused = bool(PausedQueue.objects.filter(name=name).delete()[0])
    if was_paused:
        audit.record("queue.resume", f"queue:{name}", user, before={"paused": True}, after={"paused": False})
    return was_paused


def check(name: str) -> None:
    if name not in QUEUES:
        raise UnknownQueue(f"There is no queue {name!r}. The queues are {', '.join(QUEUES)}.")
