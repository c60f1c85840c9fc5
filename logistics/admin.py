"""Stations, people, vehicles, requests and trips in Django's admin.

What dispatch decides (statuses, offers, tokens) is shown and not edited here: its services alone keep
request, offer, token and trip in step.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ims.lib.admin import ChangedAlone, LookOnly, ToLookAt
from logistics import models
from logistics.fleet import services as fleet
from logistics.fleet import shifts
from logistics.fleet.models import StaffRole
from logistics.trips.models import IN_PROGRESS, TripStatus


class StaffInline(admin.TabularInline):
    model = models.StationStaff
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(models.Station)
class StationAdmin(ChangedAlone):
    list_display = ("code", "name", "type", "parent_station", "current_stock_kg", "capacity_kg")
    list_filter = ("type", "parent_station")
    list_select_related = ("parent_station",)
    search_fields = ("code", "name")
    inlines = (StaffInline,)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """A new post gives its role too."""
        super().save_formset(request, form, formset, change)
        for post in getattr(formset, "new_objects", []):
            fleet.appoint(post.user, post.station, StaffRole(post.role))


@admin.register(models.Vehicle)
class VehicleAdmin(ChangedAlone):
    list_display = ("registration", "type", "ms_home", "status")
    list_filter = ("status", "type", "ms_home")
    list_select_related = ("ms_home",)
    search_fields = ("registration",)


@admin.register(models.Driver)
class DriverAdmin(ChangedAlone):
    list_display = ("name", "licence", "status", "assigned_vehicle")
    list_filter = ("status",)
    list_select_related = ("user", "assigned_vehicle")
    search_fields = ("user__username", "user__first_name", "user__last_name", "licence")
    autocomplete_fields = ("user", "assigned_vehicle")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        fleet.make_driver(obj.user)  # the role that opens his page


class ShiftForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        """One shift at a time of a driver and of a vehicle; the admin's transaction holds their locks."""
        given = super().clean() or {}
        facts = {name: given.get(name) for name in ("driver", "vehicle", "start", "end")}
        if all(facts.values()) and given.get("status") in shifts.OPEN:
            pk, daily = self.instance.pk, given.get("is_recurring", False)
            shifts.check_is_free(models.Shift(pk=pk, is_recurring=daily, **facts))
        return given


@admin.register(models.Shift)
class ShiftAdmin(ChangedAlone):
    form = ShiftForm
    list_display = ("driver", "vehicle", "start", "end", "is_recurring", "status", "decided_by")
    list_filter = ("status", "is_recurring", "start")
    list_select_related = ("driver__user", "vehicle", "decided_by")
    search_fields = ("driver__user__username", "vehicle__registration")
    autocomplete_fields = ("driver", "vehicle")
    readonly_fields = ("decided_by", "decided_at")
    actions = ("approve", "reject")

    @admin.action(description="Approve", permissions=["change"])
    def approve(self, request: HttpRequest, chosen: QuerySet[models.Shift]) -> None:
        self._decide(request, chosen, approved=True)

    @admin.action(description="Reject", permissions=["change"])
    def reject(self, request: HttpRequest, chosen: QuerySet[models.Shift]) -> None:
        self._decide(request, chosen, approved=False)

    def _decide(self, request: HttpRequest, chosen: QuerySet[models.Shift], *, approved: bool) -> None:
        done = 0
        for shift in chosen:
            try:
                done += shifts.decide(shift, request.user, approved=approved)
            except ValidationError as refusal:
                self.message_user(request, f"{shift}: {' '.join(refusal.messages)}", messages.ERROR)
        level = messages.SUCCESS if done else messages.WARNING
        self.message_user(request, f"Decided {done} of {len(chosen)}.", level)


class OfferInline(ToLookAt, admin.TabularInline):
    model = models.Offer
    extra = 0
    fields = ("driver", "vehicle", "offered_by", "offered_at", "answer", "answered_at", "reason")


@admin.register(models.StockRequest)
class StockRequestAdmin(LookOnly):
    list_display = ("id", "dbs", "requested_qty_kg", "priority", "status", "target_driver", "created_at")
    list_filter = ("status", "priority", "assignment_mode", "created_at")
    list_select_related = ("dbs", "target_driver__user")
    search_fields = ("dbs__name", "dbs__code", "target_driver__user__username")
    inlines = (OfferInline,)
    show_full_result_count = False


@admin.register(models.VehicleToken)
class VehicleTokenAdmin(LookOnly):
    list_display = ("number", "vehicle", "driver", "status", "request")
    list_filter = ("status", "date", "ms")
    list_select_related = ("vehicle", "driver__user", "request")
    search_fields = ("number", "vehicle__registration")
    show_full_result_count = False


@admin.register(models.Trip)
class TripAdmin(ChangedAlone):
    """Plan a transport here; a trip's moves and a delivery's facts are made by its services."""

    list_display = ("id", "status", "driver", "vehicle", "dropoff_place", "scheduled_pickup_time")
    list_filter = ("status", "scheduled_pickup_time")
    list_select_related = ("driver__user", "vehicle")
    search_fields = ("driver__user__username", "vehicle__registration", "pickup_place", "dropoff_place")
    autocomplete_fields = ("driver", "vehicle", "patient", "paramedic", "contract")
    show_full_result_count = False
    readonly_fields = (
        "stock_request",
        "status",
        "status_changed_at",
        "assigned_at",
        "en_route_at",
        "at_pickup_at",
        "in_transit_at",
        "arrived_at",
        "completed_at",
        "cancelled_at",
        "timed_out_at",
        "delivered_kg",
        "reason",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        fixed = ("driver", "vehicle") if isinstance(obj, models.Trip) and obj.status != "pending" else ()
        return (*self.readonly_fields, *fixed)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What a crew has is cancelled first: else its vehicle would be in a trip that nobody can end."""
        is_held = isinstance(obj, models.Trip) and obj.status in (TripStatus.ASSIGNED, *IN_PROGRESS)
        return not is_held and super().has_delete_permission(request, obj)


@admin.register(models.Patient)
class PatientAdmin(admin.ModelAdmin):
    list_display = ("medical_record_number", "name", "email")
    search_fields = ("medical_record_number", "name")
    autocomplete_fields = ("user",)


class MemberInline(admin.TabularInline):
    model = models.CompanyMember
    extra = 0
    autocomplete_fields = ("user",)


class TariffInline(admin.StackedInline):
    model = models.Tariff
    extra = 0


@admin.register(models.Company)
class CompanyAdmin(admin.ModelAdmin):
    list_display = ("name", "billing_email")
    search_fields = ("name",)
    inlines = (MemberInline,)


@admin.register(models.Contract)
class ContractAdmin(admin.ModelAdmin):
    list_display = ("number", "company", "start", "end")
    list_select_related = ("company",)
    search_fields = ("number", "company__name")
    inlines = (TariffInline,)


class PaymentInline(ToLookAt, admin.TabularInline):
    model = models.Payment
    extra = 0


class InvoiceMailInline(ToLookAt, admin.TabularInline):
    model = models.InvoiceMail
    extra = 0
    fields = readonly_fields = ("number", "kind", "letter", "asked_by", "created_at")


@admin.register(models.Invoice)
class InvoiceAdmin(LookOnly):
    """Payments, void and reissue are on the invoice's own page."""

    list_display = ("invoice_number", "status", "payer_name", "total", "paid", "due_date", "sent_at")
    list_filter = ("status", "issued_on", "currency")
    search_fields = ("invoice_number", "payer_name")
    date_hierarchy = "issued_on"
    inlines = (PaymentInline, InvoiceMailInline)
    show_full_result_count = False


@admin.register(models.DeviceToken)
class DeviceTokenAdmin(LookOnly):
    """The token itself is a secret of the phone: its end is enough to tell one from another."""

    list_display = ("__str__", "user", "platform", "is_active", "registered_at", "ended_because")
    list_filter = ("is_active", "platform")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    exclude = ("token",)


@admin.register(models.Notification)
class NotificationAdmin(LookOnly):
    list_display = ("created_at", "user", "channel", "title", "status", "attempts", "reason")
    list_filter = ("status", "channel", "type")
    list_select_related = ("user",)
    search_fields = ("title", "user__username")
    date_hierarchy = "created_at"
    show_full_result_count = False
