"""Groups of failures that somebody has seen, or wants to hear no more of for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from ims.lib import audit
from ims.lib.local_time import local, zone_name
from scheduling import declaration
from scheduling.exceptions import NotPossible, Undeclared
from scheduling.operation_models import FailureMute

if TYPE_CHECKING:
    from scheduling.schedules import Who

HOW = {
    "seen": "until it fails again",
    "day": "for a day",
    "week": "for a week",
    "version": "until another version runs",
}
LENGTHS = {"day": timedelta(days=1), "week": timedelta(days=7)}
Mutes = dict[tuple[str, str], FailureMute]  # by function and gist


@transaction.atomic
def mute(task: str, error: str, how: str, *, user: Who = None) -> FailureMute:
    """Mute the group of this task and error. Raises NotPossible."""
    if how not in HOW:
        raise NotPossible(f"how: give one of {', '.join(HOW)}.")
    now = timezone.now()
    row, _ = FailureMute.objects.update_or_create(
        func=_path(task),
        gist=error,
        defaults={
            "since": now,
            "until": now + LENGTHS[how] if how in LENGTHS else None,
            "version": settings.IMS_VERSION if how == "version" else "",
            "by": _name(user),
        },
    )
    audit.record("failure.mute", f"task:{task}", user, after={"error": error, "how": HOW[how]})
    return row


@transaction.atomic
def change(row: FailureMute, *, user: Who = None) -> None:
    """Save another end of a mute."""
    row.since, row.by = timezone.now(), _name(user)
    row.save()
    audit.record(
        "failure.mute",
        f"task:{declaration.name_of(row.func)}",
        user,
        after={"error": row.gist, "how": _how(row)},
    )


@transaction.atomic
def unmute(task: str, error: str, *, user: Who = None) -> bool:
    """Show a group again; False where it was not muted."""
    was_muted = bool(FailureMute.objects.filter(func=_path(task), gist=error).delete()[0])
    if was_muted:
        audit.record("failure.unmute", f"task:{task}", user, before={"error": error})
    return was_muted


def known() -> Mutes:
    return {(row.func, row.gist): row for row in FailureMute.objects.all()}


def holds(row: FailureMute | None, last_at: datetime, now: datetime) -> bool:
    """Whether a group whose newest failure was then is muted now."""
    if row is None:
        return False
    if row.version:
        return row.version == settings.IMS_VERSION
    return row.until > now if row.until else last_at <= row.since


def words(row: FailureMute | None, last_at: datetime, now: datetime) -> str:
    """ "for a day, by operator"; empty where it is not muted."""
    return f"{_how(row)}, by {row.by}" if row and holds(row, last_at, now) else ""


def _how(row: FailureMute) -> str:
    if row.version:
        return HOW["version"]
    if row.until is None:
        return HOW["seen"]
    there = local(row.until)
    return f"until {date_format(there, 'j M Y, H:i')} {zone_name(there)}"


def _name(user: Who) -> str:
    return str(user or "the command line")[:150]


def _path(task: str) -> str:
    try:
        return declaration.find(task).path
    except Undeclared:
        return task  # of a task that is no longer declared the path is the name
