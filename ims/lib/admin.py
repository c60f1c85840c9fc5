"""What the admin pages of all apps share, and the page of the audit log."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from ims.lib.models import AuditLog


class ToLookAt(admin.options.BaseModelAdmin):  # type: ignore[type-arg]  # generic for mypy only
    """Of a page or an inline: what services write is shown here, and neither added nor changed by hand."""

    may_be_deleted = False

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *rest: Any) -> bool:
        return self.may_be_deleted and super().has_delete_permission(request, *rest)


class LookOnly(ToLookAt, admin.ModelAdmin):  # type: ignore[type-arg]
    """A page to be read."""


class ChangedAlone(admin.ModelAdmin):  # type: ignore[type-arg]
    """Writes the changed fields alone: a service may be writing the rest at this very moment."""

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        obj.save(update_fields=[*form.changed_data, "updated_at"] if change else None)


@admin.register(AuditLog)
class AuditLogAdmin(LookOnly):
    """Nobody edits what was done."""

    list_display = ("at", "user", "action", "target")
    list_filter = ("action", "at")
    list_select_related = ("user",)
    search_fields = ("target", "user__username")
    date_hierarchy = "at"
