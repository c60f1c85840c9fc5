"""What happened to a trip, newest first: its stamped moves, and what the audit log knows beside them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from ims.lib import audit
from ims.lib.models import AuditLog
from logistics.trips.models import Trip, TripStatus

WORDS = {
    "trip.create": "Planned",
    "trip.reassign": "Given to another crew",
    "trip.share": "Shared by a link",
    "trip.unshare": "Links revoked",
    "trip.prove": "Proof of the handing over kept",
}
STATES = {TripStatus.COMPLETED: "ok", TripStatus.CANCELLED: "fail"}


@dataclass(frozen=True)
class Entry:
    at: datetime
    words: str
    who: str = ""
    state: str = "run"
    action: str = ""  # of the audit log


def entries(trip: Trip) -> list[Entry]:
    log = audit.about(f"trip:{trip.pk}")[::-1]
    movers = {row.action: _name(row) for row in log}
    moves = [
        Entry(moment, str(status.label), movers.get(f"trip.{status}", ""), STATES.get(status, "run"))
        for status in TripStatus
        if (moment := getattr(trip, f"{status}_at", None))
    ]
    others = [
        Entry(row.at, _(WORDS[row.action]), _name(row), "wait", row.action)
        for row in log
        if row.action in WORDS
    ]
    flags = [Entry(trip.timed_out_at, _("No move for six hours"), "", "retry")] if trip.timed_out_at else []
    return sorted([*moves, *others, *flags], key=lambda each: each.at, reverse=True)


def is_shared(newest_first: Iterable[Entry]) -> bool:
    """Whether a link was made since the last were revoked; it may have expired."""
    told = (entry.action for entry in newest_first if entry.action in ("trip.share", "trip.unshare"))
    return next(told, "") == "trip.share"


def _name(row: AuditLog) -> str:
    return row.user.display_name if row.user else ""
