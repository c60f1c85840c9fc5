"""What operations keep, in the admin: figures and incidents to look at, mutes to change."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ims.lib.admin import LookOnly
from scheduling import mutes
from scheduling.operation_models import (
    FailureMute,
    HttpCount,
    Incident,
    QueueSample,
    RolledUp,
    Rollup,
    TableSize,
)


class Figures(LookOnly):
    """Many rows that nobody counts to show a page."""

    show_full_result_count = False
    list_per_page = 50


@admin.register(Rollup)
class RollupAdmin(Figures):
    list_display = ["start", "grain", "func", "outcome", "measure", "bucket", "count", "seconds"]
    list_filter = ["grain", "outcome", "measure"]
    search_fields = ["func"]
    ordering = ["-start", "func", "id"]


@admin.register(RolledUp)
class RolledUpAdmin(LookOnly):
    list_display = ["until"]


@admin.register(QueueSample)
class QueueSampleAdmin(Figures):
    list_display = ["at", "queue", "waiting", "running", "oldest_seconds"]
    list_filter = ["queue"]
    ordering = ["-at", "queue"]


@admin.register(TableSize)
class TableSizeAdmin(Figures):
    list_display = ["at", "name", "size", "rows"]
    search_fields = ["name"]
    ordering = ["-at", "-size"]


@admin.register(HttpCount)
class HttpCountAdmin(Figures):
    list_display = ["view", "method", "status", "count", "seconds"]
    list_filter = ["method", "status"]
    search_fields = ["view"]
    ordering = ["view", "method", "status"]


@admin.register(Incident)
class IncidentAdmin(Figures):
    list_display = ["key", "text", "began_at", "ended_at"]
    list_filter = ["began_at"]
    search_fields = ["key", "text"]


class MuteForm(forms.ModelForm):  # type: ignore[type-arg]
    """When a mute ends: at a moment, with another version, or where both are empty with the next failure."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        until, version = cleaned.get("until"), cleaned.get("version")
        if until and version:
            self.add_error("version", "Give either a moment or a version.")
        elif until and until <= timezone.now():
            self.add_error("until", "Give a moment to come; delete the mute to hear of this group again.")
        return cleaned


@admin.register(FailureMute)
class FailureMuteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Groups are muted on the console's page of failures, which knows them; here a mute is changed."""

    form = MuteForm
    list_display = ["func", "gist", "until", "version", "by", "since"]
    search_fields = ["func", "gist"]
    ordering = ["func", "gist"]
    fields = ["func", "gist", "until", "version", "by", "since"]
    readonly_fields = ["func", "gist", "by", "since"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        mutes.change(obj, user=request.user)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        mutes.unmute(obj.func, obj.gist, user=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)
