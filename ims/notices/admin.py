"""What people were told, to be looked at."""

from django.contrib import admin

from ims.lib.admin import LookOnly
from ims.notices.models import Letter, Notice


class Told(LookOnly):
    may_be_deleted = True
    list_select_related = ("user",)
    date_hierarchy = "created_at"
    show_full_result_count = False


@admin.register(Notice)
class NoticeAdmin(Told):
    list_display = ("created_at", "user", "kind", "title", "read_at")
    list_filter = ("kind",)
    search_fields = ("title", "user__username")


@admin.register(Letter)
class LetterAdmin(Told):
    list_display = ("created_at", "user", "address", "key", "state", "attempts", "sent_at", "error")
    list_filter = ("state",)
    search_fields = ("key", "user__username")
