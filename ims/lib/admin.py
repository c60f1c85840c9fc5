"""What the admin pages of all apps share, and the page of the audit log."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ims.lib.models import AuditLog


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for mypy only
    """To be read: nobody adds, changes or deletes a row by hand."""

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False


@admin.register(AuditLog)
class AuditLogAdmin(LookOnly):
    """Nobody edits what was done."""

    list_display = ("at", "user", "action", "target")
    list_filter = ("action", "at")
    list_select_related = ("user",)
    search_fields = ("target", "user__username")
    date_hierarchy = "at"
