"""What people were told, to be looked at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ims.notices.models import Letter, Notice


class LookOnly(admin.ModelAdmin):
    list_select_related = ("user",)
    date_hierarchy = "created_at"
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Notice)
class NoticeAdmin(LookOnly):
    list_display = ("created_at", "user", "kind", "title", "read_at")
    list_filter = ("kind",)
    search_fields = ("title", "user__username")


@admin.register(Letter)
class LetterAdmin(LookOnly):
    list_display = ("created_at", "user", "address", "key", "state", "attempts", "sent_at", "error")
    list_filter = ("state",)
    search_fields = ("key", "user__username")
