"""Licences in Django's admin: every change is on record, and the figures follow in the same transaction."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from ims.lib.admin import LookOnly
from licensing import entering, ledger
from licensing.balances_sql import FigureTooLarge
from licensing.models import (
    Allotment,
    AllotmentItem,
    Attachment,
    BillOfEntry,
    BOEAllotment,
    BOERow,
    ExportItem,
    ImportItem,
    LedgerChange,
    License,
    SyncRun,
)
from licensing.rows import FIGURES, LedgerRow, licences_of


def in_one_block(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page of the admin that writes: all of its rows are one change, by this user."""

    def changing(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return view(self, request, *args, **kwargs)
        try:
            with ledger.changes(request.user):
                return view(self, request, *args, **kwargs)
        except FigureTooLarge as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())

    return changing


class LedgerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for mypy only
    changeform_view = in_one_block(admin.ModelAdmin.changeform_view)
    changelist_view = in_one_block(admin.ModelAdmin.changelist_view)
    delete_view = in_one_block(admin.ModelAdmin.delete_view)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """The licences of all rows are locked in one go, in their order."""
        rows = [each.instance for each in formset.forms if isinstance(each.instance, LedgerRow)]
        with ledger.changes(request.user) as block:
            for model in {type(row) for row in rows}:
                own = [row for row in rows if isinstance(row, model)]
                block.take(set().union(*licences_of(model, own)))
            super().save_formset(request, form, formset, change)


class ExportItemInline(admin.TabularInline):  # type: ignore[type-arg]
    model = ExportItem
    extra = 0


class ImportItemInline(admin.TabularInline):  # type: ignore[type-arg]
    model = ImportItem
    extra = 0
    readonly_fields = FIGURES


class AttachmentInline(admin.TabularInline):  # type: ignore[type-arg]
    """Papers are attached on the licence's own page, which checks them."""

    model = Attachment
    extra = 0
    fields = readonly_fields = ("name", "user", "created_at")

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False


@admin.register(License)
class LicenseAdmin(LedgerAdmin):
    list_display = (
        "license_number",
        "exporter",
        "expiry_date",
        "balance_cif",
        "overdrawn_cif",
        "is_null",
        "is_expired",
    )
    list_filter = ("is_expired", "is_null", "is_active", "purchase_status", "port")
    search_fields = ("license_number", "exporter")
    date_hierarchy = "expiry_date"
    readonly_fields = ("balance_cif", "overdrawn_cif", "is_null", "is_expired", "is_stale")
    inlines = (ExportItemInline, ImportItemInline, AttachmentInline)

    def save_model(self, request: HttpRequest, licence: License, form: Any, change: bool) -> None:
        """The entered fields alone: a recalculation may be writing the figures at this very moment."""
        if not change:
            licence.save()
            entering.enter(lambda: licence, request.user)
            return
        with entering.correcting(licence, request.user):
            licence.save(update_fields=[*form.cleaned_data, "updated_at"])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """With a licence its history goes, which nobody may delete by itself."""
        found, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        return found, counts, perms_needed - {LedgerChange._meta.verbose_name}, protected


@admin.register(ImportItem)
class ImportItemAdmin(LedgerAdmin):
    """For the choice of items in the other forms, mostly."""

    list_display = (
        "license",
        "serial",
        "hs_code",
        "description",
        "quantity",
        "available_quantity",
        "available_value",
    )
    list_select_related = ("license",)
    search_fields = ("license__license_number", "hs_code", "description")
    autocomplete_fields = ("license",)
    readonly_fields = FIGURES


class AllotmentItemInline(admin.TabularInline):  # type: ignore[type-arg]
    """To be seen and given back: what is reserved anew is checked on the page of licences."""

    model = AllotmentItem
    extra = 0

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False


@admin.register(Allotment)
class AllotmentAdmin(LedgerAdmin):
    list_display = ("id", "company", "description", "required_quantity", "cif_fc", "created_at")
    search_fields = ("company", "invoice", "items__item__license__license_number")
    date_hierarchy = "created_at"
    inlines = (AllotmentItemInline,)

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False


class BOERowInline(admin.TabularInline):  # type: ignore[type-arg]
    model = BOERow
    extra = 0
    autocomplete_fields = ("item",)


class BOEAllotmentInline(admin.TabularInline):  # type: ignore[type-arg]
    model = BOEAllotment
    extra = 0
    autocomplete_fields = ("allotment",)


@admin.register(BillOfEntry)
class BillOfEntryAdmin(LedgerAdmin):
    list_display = ("number", "date", "port", "company", "exchange_rate")
    list_filter = ("port",)
    search_fields = ("number", "company", "rows__item__license__license_number")
    date_hierarchy = "date"
    inlines = (BOERowInline, BOEAllotmentInline, AttachmentInline)


@admin.register(LedgerChange)
class LedgerChangeAdmin(LookOnly):
    list_display = ("at", "license", "user", "action", "row")
    list_filter = ("action",)
    list_select_related = ("license", "user")
    search_fields = ("license__license_number", "row", "user__username")
    date_hierarchy = "at"


@admin.register(SyncRun)
class SyncRunAdmin(LookOnly):
    list_display = ("created_at", "user", "is_dry", "done", "total", "finished_at")
    list_select_related = ("user",)
