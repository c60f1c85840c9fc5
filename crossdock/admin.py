"""Suppliers, groups, aliases and offers in Django's admin; price requests and imports to look at."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from crossdock import rules
from crossdock.models import (
    BrandAlias,
    CrossDockTask,
    Offer,
    OfferImport,
    Supplier,
    SupplierGroup,
    TaskComment,
)
from crossdock.tasks import refresh_best_offers
from ims.lib.admin import LookOnly


@admin.register(SupplierGroup)
class SupplierGroupAdmin(admin.ModelAdmin):
    search_fields = ("name",)


@admin.action(description="Import offers from a spreadsheet…")
def import_offers(model_admin: Any, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
    """The page of imports, with the supplier chosen where it is one."""
    if not rules.may_supply(request.user):
        model_admin.message_user(request, "Importing offers needs the role operator.", messages.ERROR)
        return None
    suppliers = Supplier.objects.filter(
        pk__in=chosen.values("pk" if chosen.model is Supplier else "supplier")
    ).values_list("supid", flat=True)[:2]
    query = f"?{urlencode({'supplier': suppliers[0]})}" if len(suppliers) == 1 else ""
    return redirect(reverse("cross_dock:offers") + query)


@admin.register(Supplier)
class SupplierAdmin(admin.ModelAdmin):
    list_display = ("name", "supid")
    list_filter = ("groups",)
    search_fields = ("name", "supid")
    filter_horizontal = ("groups",)
    actions = (import_offers,)


@admin.register(BrandAlias)
class BrandAliasAdmin(admin.ModelAdmin):
    list_display = ("alias", "brand")
    search_fields = ("alias", "brand")


@admin.register(Offer)
class OfferAdmin(admin.ModelAdmin):
    list_display = ("brand", "article", "supplier", "price", "quantity", "updated_at")
    list_select_related = ("supplier",)
    list_filter = ("supplier__groups",)
    search_fields = ("article_key__startswith", "brand_key__startswith")
    autocomplete_fields = ("supplier",)
    show_full_result_count = False
    actions = (import_offers, "refresh_view")

    @admin.action(description="Refresh the view of best offers", permissions=["change"])
    def refresh_view(self, request: HttpRequest, chosen: QuerySet[Offer]) -> None:
        refresh_best_offers.enqueue()
        self.message_user(
            request, "The view of best offers is made anew in the background.", messages.SUCCESS
        )


@admin.register(OfferImport)
class OfferImportAdmin(LookOnly):
    may_be_deleted = True
    list_display = ("name", "supplier", "user", "created_at", "finished_at", "error")
    list_select_related = ("supplier", "user")


@admin.register(CrossDockTask)
class CrossDockTaskAdmin(LookOnly):
    """Its own page deletes a request, with its files."""

    list_display = ("filename", "status", "supplier_group", "user", "rows_total", "created_at")
    list_filter = ("status", "supplier_group")
    list_select_related = ("user",)
    search_fields = ("filename", "user__username")


@admin.register(TaskComment)
class TaskCommentAdmin(LookOnly):
    may_be_deleted = True
    list_display = ("task", "user", "text", "created_at")
    list_select_related = ("task", "user")
