"""Pause and resume queues: no cluster starts a job of a paused one; running jobs go on.

Quiet mode pauses all of them for a deploy; waking up resumes those that it paused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from ims.lib import audit
from scheduling.claims import NOBODY
from scheduling.declaration import QUEUES
from scheduling.exceptions import UnknownQueue
from scheduling.models import PausedQueue, QueuedJob

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
    """Start jobs of this queue again, at once; False where it was not paused."""
    check(name)
    was_paused = bool(PausedQueue.objects.filter(name=name).delete()[0])
    if was_paused:
        audit.record("queue.resume", f"queue:{name}", user, before={"paused": True}, after={"paused": False})
    return was_paused


@transaction.atomic
def quiet(*, user: Who = None) -> bool:
    """Start no more jobs at all; False where that was so already."""
    by = str(user) if user is not None else "the command line"
    rows = [PausedQueue(name=name, paused_by=by[:150], is_quiet=True) for name in QUEUES]
    paused = set(PausedQueue.objects.values_list("name", flat=True))
    PausedQueue.objects.bulk_create(rows, ignore_conflicts=True)
    changed = [name for name in QUEUES if name not in paused]
    if changed:
        audit.record("queue.quiet", "queue:all", user, after={"paused": ", ".join(changed)})
    return bool(changed)


@transaction.atomic
def wake(*, user: Who = None) -> bool:
    """End quiet mode; False where there was none. Queues that were paused before it stay so."""
    rows = PausedQueue.objects.filter(is_quiet=True)
    names = sorted(rows.values_list("name", flat=True))
    rows.delete()
    if names:
        audit.record("queue.wake", "queue:all", user, after={"resumed": ", ".join(names)})
    return bool(names)


def is_quiet() -> bool:
    return PausedQueue.objects.filter(is_quiet=True).exists()


def held() -> int:
    """Jobs that clusters have begun, or will before they hear of a pause."""
    return QueuedJob.objects.filter(holder__gt=NOBODY).count()


def check(name: str) -> None:
    if name not in QUEUES:
        raise UnknownQueue(f"There is no queue {name!r}. The queues are {', '.join(QUEUES)}.")
