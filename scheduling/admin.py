"""The engine's tables in the admin, to look at; Django Q2's own pages stand beside them."""

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from scheduling.models import Attempt, Heartbeat, ScheduleOverride


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Attempt)
class AttemptAdmin(LookOnly):
    list_display = ["job_id", "number", "func", "started_at", "stopped_at", "retry_at"]
    search_fields = ["=job_id", "func"]
    show_full_result_count = False


@admin.register(Heartbeat)
class HeartbeatAdmin(LookOnly):
    list_display = ["host", "pid", "queues", "workers", "started_at", "seen_at"]
    exclude = ["stat"]


@admin.register(ScheduleOverride)
class ScheduleOverrideAdmin(LookOnly):
    """Changed through the API, the commands or the console, which keep the audit log."""

    list_display = ["name", "stopped", "interval_minutes", "schedule_id", "updated_at"]
