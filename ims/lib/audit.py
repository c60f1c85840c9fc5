"""Write the audit log."""

from typing import TYPE_CHECKING, Any

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
