"""People and roles in the admin. Powers come from superusers alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import ManyToManyField, QuerySet
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest

from ims.accounts import people
from ims.accounts.models import User

POWERS = ("is_staff", "is_superuser", "user_permissions")


def is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Who is no superuser and may change people changes those who may no more, and gives the roles he has."""

    list_display = ("username", "display_name", "email", "role_names", "is_active", "last_login")
    list_filter = ("groups", "is_active", "is_superuser")
    add_fieldsets = (*DjangoUserAdmin.add_fieldsets, (None, {"fields": ("email",)}))  # for the welcome

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if is_superuser(request) else POWERS

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest | None = None, **options: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        if request and db_field.name == "groups" and not is_superuser(request):
            options["queryset"] = Group.objects.filter(user=request.user.pk)
        return super().formfield_for_manytomany(db_field, request, **options)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and may_no_more(obj, request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and may_no_more(obj, request)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            people.created(obj)

    @admin.display(description="roles")
    def role_names(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "—"


def may_no_more(other: User | None, request: HttpRequest) -> bool:
    """Who sets another's password can act as that person."""
    user = request.user
    if other is None or other == user or is_superuser(request):
        return True
    return (
        not other.is_staff and not other.is_superuser and isinstance(user, User) and other.roles <= user.roles
    )


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    """A group can hold any permission."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)
