"""The JSON of allotments and bills of entry: what is asked for, and what is stored."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from ims.lib.ids import IdField
from licensing.models import Allotment, AllotmentItem, BillOfEntry, BOERow, TransactionType


class AllotmentItemSerializer(serializers.ModelSerializer[AllotmentItem]):
    license = serializers.CharField(source="item.license.license_number", read_only=True)

    class Meta:
        model = AllotmentItem
        fields = ("id", "item", "license", "qty", "cif_fc")


class AllotmentSerializer(serializers.ModelSerializer[Allotment]):
    items = AllotmentItemSerializer(many=True, read_only=True)
    bills_of_entry = serializers.PrimaryKeyRelatedField(many=True, read_only=True)

    class Meta:
        model = Allotment
        fields = (
            "id",
            "company",
            "description",
            "hs_code",
            "required_quantity",
            "unit_value",
            "cif_fc",
            "port",
            "invoice",
            "expected_on",
            "items",
            "bills_of_entry",
            "created_at",
        )


class LineSerializer(serializers.Serializer[Any]):
    item = IdField(help_text="Id of an import item.")
    qty = serializers.DecimalField(max_digits=15, decimal_places=3, min_value=Decimal(0))
    cif_fc = serializers.DecimalField(max_digits=15, decimal_places=2, min_value=Decimal(0))


class AllotmentRequest(serializers.ModelSerializer[Allotment]):
    """Reserve so much of these items; the totals are theirs unless given."""

    items = LineSerializer(many=True, allow_empty=False)

    class Meta:
        model = Allotment
        fields = (
            "company",
            "description",
            "hs_code",
            "required_quantity",
            "unit_value",
            "cif_fc",
            "port",
            "invoice",
            "expected_on",
            "items",
        )


class BOERowSerializer(serializers.ModelSerializer[BOERow]):
    license = serializers.CharField(source="item.license.license_number", read_only=True)

    class Meta:
        model = BOERow
        fields = ("id", "item", "license", "transaction_type", "qty", "cif_fc", "cif_inr")


class BillOfEntrySerializer(serializers.ModelSerializer[BillOfEntry]):
    rows = BOERowSerializer(many=True, read_only=True)
    allotments = serializers.PrimaryKeyRelatedField(many=True, read_only=True)

    class Meta:
        model = BillOfEntry
        fields = (
            "id",
            "company",
            "number",
            "date",
            "port",
            "exchange_rate",
            "allotments",
            "rows",
            "created_at",
        )


class RowSerializer(LineSerializer):
    transaction_type = serializers.ChoiceField(TransactionType.choices, default=TransactionType.DEBIT)
    cif_inr = serializers.DecimalField(
        max_digits=15,
        decimal_places=2,
        min_value=Decimal(0),
        required=False,
        help_text="By the exchange rate unless given.",
    )


class BillOfEntryRequest(serializers.ModelSerializer[BillOfEntry]):
    """Book what customs debited; without rows, what the allotments reserved."""

    rows = RowSerializer(many=True, required=False)
    allotments = serializers.ListField(child=IdField(), required=False, default=list)

    class Meta:
        model = BillOfEntry
        fields = ("company", "number", "date", "port", "exchange_rate", "rows", "allotments")
        validators: list[Any] = []  # a known bill of entry gets further rows and allotments
