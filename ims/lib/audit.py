"""Write and read the audit log."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from ims.lib.ids import read_id
from ims.lib.models import AuditLog

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from ims.accounts.models import User


def record(
    action: str,
    target: str,
    user: "User | AnonymousUser | None" = None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditLog:
    """Keep one control action. `user` is None for the command line."""
    known = user if user is not None and user.is_authenticated else None
    return AuditLog.objects.create(
        action=action, target=target, user=known, before=before or {}, after=after or {}
    )


def about(target: str) -> list[AuditLog]:
    """Who did what to it, newest first."""
    return list(AuditLog.objects.select_related("user").filter(target=target))


def entries(prefixes: Iterable[str], cursor: str = "", limit: int = 50) -> list[AuditLog]:
    """Entries whose action begins with one of these, newest first; `cursor`: the last number seen."""
    wanted = reduce(or_, (Q(action__startswith=prefix) for prefix in prefixes))
    rows = AuditLog.objects.select_related("user").filter(wanted).order_by("-id")
    if (last := read_id(cursor)) is not None:
        rows = rows.filter(id__lt=last)
    return list(rows[:limit])
