from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ims.lib.models import AuditLog


@admin.register(AuditLog)
class AuditLogAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for mypy only
    """To be read only: nobody edits what was done."""

    list_display = ("at", "user", "action", "target")
    list_filter = ("action", "at")
    list_select_related = ("user",)
    search_fields = ("target", "user__username")
    date_hierarchy = "at"

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False
