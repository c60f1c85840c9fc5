"""Products, packing slips and settings in Django's admin. Secrets go in and never come out."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.utils.translation import ngettext

from ims.lib.admin import ChangedAlone, LookOnly, ToLookAt
from ims.lib.secrets import CURE, UnreadableSecret
from masterdata import bulk_views, parcels, slips, updates
from masterdata.models import (
    GoogleDriveSettings,
    PackingSlip,
    Parcel,
    ParcelEvent,
    Product,
    TrackingBatch,
    TrackingRun,
)
from masterdata.tasks import register_parcels

HERE_AND_NOW = 20  # slips that an action asks about within the request; more are queued


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ("code", "name", "sku", "item_cost", "shipping_cost")
    search_fields = ("code", "name", "sku", "supplier_sku")


class ParcelInline(ToLookAt, admin.TabularInline):
    extra = 0
    model = Parcel
    fields = ("number", "courier_code", "status", "last_event", "last_event_at", "delivered_at", "error")
    show_change_link = True


class EventInline(ToLookAt, admin.TabularInline):
    extra = 0
    model = ParcelEvent
    fields = ("at", "status", "description", "place")


class NeedsAttention(admin.SimpleListFilter):
    title = "attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Needs attention")]

    def queryset(self, request: HttpRequest, found: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "yes":
            return found
        return found.filter(pk__in=parcels.needing_attention(now()).values("slip_id"))


@admin.register(PackingSlip)
class PackingSlipAdmin(ChangedAlone):
    list_display = ("order_id", "recipient", "status", "tracking_status", "tracking_vendor", "created_at")
    list_filter = ("status", NeedsAttention, "tracking_vendor", "created_at")
    search_fields = ("order_id", "ship_to", "tracking_ids")
    date_hierarchy = "created_at"
    autocomplete_fields = ("product",)
    readonly_fields = (
        "tracking_status",
        "delivered_at",
        "platform_fee",
        "profit",
        "created_at",
        "updated_at",
    )
    inlines = (ParcelInline,)
    actions = ("update_tracking_now", "stop_following", "mark_delivered", "correct_courier")
    show_full_result_count = False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if slips.keep_parcels(form.instance):
            register_parcels.enqueue(packing_slip_id=form.instance.pk)

    @admin.action(description="Update tracking now", permissions=["change"])
    def update_tracking_now(self, request: HttpRequest, chosen: QuerySet[PackingSlip]) -> HttpResponse | None:
        slip_ids = list(chosen.values_list("pk", flat=True))
        if len(slip_ids) > HERE_AND_NOW:
            return ask("update", request, chosen)
        results = updates.update_now(slip_ids)
        done = sum(result["success"] for result in results)
        said = ngettext("Updated %(n)s shipment.", "Updated %(n)s shipments.", done) % {"n": done}
        self.message_user(request, said, messages.SUCCESS if done else messages.WARNING)
        for result in results:
            if not result["success"]:
                self.message_user(request, f"{result['order_id']}: {result['error']}", messages.ERROR)
        return None

    @admin.action(description="Stop following…", permissions=["change"])
    def stop_following(self, request: HttpRequest, chosen: QuerySet[PackingSlip]) -> HttpResponse:
        return ask("stop", request, chosen)

    @admin.action(description="Mark as delivered…", permissions=["change"])
    def mark_delivered(self, request: HttpRequest, chosen: QuerySet[PackingSlip]) -> HttpResponse:
        return ask("delivered", request, chosen)

    @admin.action(description="Correct the courier…", permissions=["change"])
    def correct_courier(self, request: HttpRequest, chosen: QuerySet[PackingSlip]) -> HttpResponse:
        return ask("courier", request, chosen)


def ask(change: str, request: HttpRequest, chosen: QuerySet[PackingSlip]) -> HttpResponse:
    """The same question as on the shipments page."""
    return bulk_views.question(request, change, sorted(chosen.order_by().values_list("pk", flat=True)))


class OnlyTrack123Writes(LookOnly):
    """Deleted with its packing slip, or by hand."""

    may_be_deleted = True


@admin.register(Parcel)
class ParcelAdmin(OnlyTrack123Writes):
    list_display = ("number", "slip", "courier_code", "status", "last_event", "last_event_at", "error")
    list_filter = ("status", "courier_code")
    list_select_related = ("slip",)
    search_fields = ("number", "slip__order_id")
    inlines = (EventInline,)
    show_full_result_count = False


@admin.register(ParcelEvent)
class ParcelEventAdmin(OnlyTrack123Writes):
    list_display = ("at", "parcel", "status", "description", "place")
    list_select_related = ("parcel",)
    search_fields = ("parcel__number",)
    show_full_result_count = False


class BatchInline(ToLookAt, admin.TabularInline):
    extra = 0
    model = TrackingBatch
    fields = ("total", "done", "failed", "error", "finished_at")


@admin.register(TrackingRun)
class TrackingRunAdmin(OnlyTrack123Writes):
    list_display = ("created_at", "orders", "total", "started_at", "finished_at", "job_id")
    inlines = (BatchInline,)


SECRETS = ("track123_api_key", "service_account_json")
MASK = "••••••••"


class SettingsForm(forms.ModelForm):
    """An empty secret field keeps the stored secret; a box removes it."""

    track123_api_key = forms.CharField(
        label="Track123 API key", required=False, widget=forms.PasswordInput(render_value=False)
    )
    service_account_json = forms.CharField(
        label="Service account JSON", required=False, widget=forms.PasswordInput(render_value=False)
    )
    forget_secrets = forms.BooleanField(required=False, help_text="Remove both stored secrets.")

    class Meta:
        model = GoogleDriveSettings
        fields = ("email", "is_active", "root_folder", "packing_slips_folder", *SECRETS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in SECRETS:
            self.initial[name] = ""
            self.fields[name].help_text = what_is_stored(getattr(self.instance, name))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name in SECRETS:
            if not cleaned.get(name) and not cleaned.get("forget_secrets"):
                cleaned[name] = self.stored.get(name, "")
        return cleaned

    @property
    def stored(self) -> dict[str, str]:
        rows = GoogleDriveSettings.objects.filter(pk=self.instance.pk).values(*SECRETS)
        return rows.first() or {}


def what_is_stored(secret: str) -> str:
    if isinstance(secret, UnreadableSecret):
        return str(CURE)
    return f"{MASK} stored; empty keeps it." if secret else "None stored."


@admin.register(GoogleDriveSettings)
class GoogleDriveSettingsAdmin(admin.ModelAdmin):
    form = SettingsForm
    list_display = ("email", "is_active", "has_key", "created_by", "updated_at")
    list_filter = ("is_active",)
    search_fields = ("email",)
    readonly_fields = ("created_by", "created_at", "updated_at")

    @admin.display(boolean=True, description="Track123 key stored")
    def has_key(self, row: GoogleDriveSettings) -> bool:
        return bool(row.track123_api_key.strip())

    def save_model(self, request: HttpRequest, row: GoogleDriveSettings, form: Any, change: bool) -> None:
        if not change:
            row.created_by = request.user
        super().save_model(request, row, form, change)
