"""The JSON of licences and their ledgers. Figures that are worked out are read-only everywhere."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from licensing.models import (
    ExportItem,
    ImportItem,
    LedgerChange,
    License,
    SyncRun,
)
from licensing.queries import STATES
from licensing.rows import FIGURES


class ExportItemSerializer(serializers.ModelSerializer[ExportItem]):
    class Meta:
        model = ExportItem
        fields = (
            "id",
            "license",
            "description",
            "norm_class",
            "quantity",
            "net_quantity",
            "unit",
            "fob",
            "cif_fc",
            "cif_inr",
        )


class ImportItemSerializer(serializers.ModelSerializer[ImportItem]):
    class Meta:
        model = ImportItem
        fields = (
            "id",
            "license",
            "serial",
            "hs_code",
            "description",
            "quantity",
            "unit",
            "cif_fc",
            "is_restricted",
            "restriction_percentage",
            "norm_class",
            *FIGURES,
        )
        read_only_fields = FIGURES


class LicenseSerializer(serializers.ModelSerializer[License]):
    class Meta:
        model = License
        fields = (
            "id",
            "license_number",
            "license_date",
            "expiry_date",
            "exporter",
            "port",
            "scheme_code",
            "notification_code",
            "purchase_status",
            "balance_cif",
            "overdrawn_cif",
            "is_null",
            "is_expired",
            "is_active",
            "is_stale",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("balance_cif", "overdrawn_cif", "is_null", "is_expired", "is_stale")

    def update(self, licence: License, changes: dict[str, Any]) -> License:
        """Write the given fields alone: a recalculation may be writing the figures at this very moment."""
        for name, value in changes.items():
            setattr(licence, name, value)
        licence.save(update_fields=[*changes, "updated_at"])
        return licence


class LicenseDetailSerializer(LicenseSerializer):
    export_items = ExportItemSerializer(many=True, read_only=True)
    import_items = ImportItemSerializer(many=True, read_only=True)

    class Meta(LicenseSerializer.Meta):
        fields = (*LicenseSerializer.Meta.fields, "export_items", "import_items")


class LicenseFilter(serializers.Serializer[Any]):
    """The query of the list."""

    q = serializers.CharField(required=False, help_text="Part of a number, exporter, port or HS code.")
    state = serializers.ChoiceField(list(STATES), required=False)
    exporter = serializers.CharField(required=False)


class TotalsSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    balance = serializers.DecimalField(max_digits=19, decimal_places=2)
    overdrawn = serializers.DecimalField(max_digits=19, decimal_places=2)


class LedgerLineSerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    kind = serializers.CharField(help_text="credit, debit, allotment, or note (counts for nothing)")
    text = serializers.CharField()
    quantity = serializers.DecimalField(max_digits=15, decimal_places=3, allow_null=True)
    unit = serializers.CharField()
    amount = serializers.DecimalField(max_digits=19, decimal_places=2, help_text="Below zero: taken.")
    balance = serializers.DecimalField(max_digits=19, decimal_places=2)


class ChangeSerializer(serializers.ModelSerializer[LedgerChange]):
    user = serializers.CharField(source="user.username", default=None, allow_null=True)

    class Meta:
        model = LedgerChange
        fields = ("at", "user", "action", "row", "before", "after")


# --- What is left for an HS code ------------------------------------------------------------------------


class CoverQuestion(serializers.Serializer[Any]):
    hs_code = serializers.CharField(max_length=16, help_text="Its beginning is enough.")
    quantity = serializers.DecimalField(max_digits=15, decimal_places=3, min_value=Decimal("0.001"))
    unit = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text="e.g. kg. Without one, quantities of different units are added together.",
    )
    unit_value = serializers.DecimalField(
        max_digits=15,
        decimal_places=3,
        required=False,
        default=Decimal(0),
        min_value=Decimal(0),
        help_text="US dollars for one unit: no more is offered than the licence pays for.",
    )


class OfferSerializer(serializers.Serializer[Any]):
    license = serializers.CharField(source="item.license.license_number")
    license_id = serializers.IntegerField(source="item.license_id")
    expiry_date = serializers.DateField(source="item.license.expiry_date", allow_null=True)
    item = serializers.IntegerField(source="item.pk")
    serial = serializers.IntegerField(source="item.serial")
    description = serializers.CharField(source="item.description")
    hs_code = serializers.CharField(source="item.hs_code")
    unit = serializers.CharField(source="item.unit")
    available_value = serializers.DecimalField(source="item.available_value", max_digits=15, decimal_places=2)
    usable = serializers.DecimalField(max_digits=15, decimal_places=3)
    take = serializers.DecimalField(max_digits=15, decimal_places=3)
    value = serializers.DecimalField(max_digits=19, decimal_places=2)
    is_enough = serializers.BooleanField()


class CoverSerializer(serializers.Serializer[Any]):
    wanted = serializers.DecimalField(max_digits=15, decimal_places=3)
    covered = serializers.DecimalField(max_digits=15, decimal_places=3)
    missing = serializers.DecimalField(max_digits=15, decimal_places=3)
    offers = OfferSerializer(many=True)


# --- The sync -------------------------------------------------------------------------------------------


class SyncRequest(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(default=False, help_text="Only tell what would change.")


class SyncRunSerializer(serializers.ModelSerializer[SyncRun]):
    class Meta:
        model = SyncRun
        fields = (
            "id",
            "job_id",
            "is_dry",
            "created_at",
            "started_at",
            "finished_at",
            "done",
            "total",
            "report",
        )
