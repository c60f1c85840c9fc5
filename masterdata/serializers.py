"""The JSON of products, packing slips and their parcels. Secrets have no field here."""

from typing import Any

from rest_framework import serializers

from ims.lib.ids import LARGEST_ID
from masterdata import slips
from masterdata.models import PackingSlip, Parcel, ParcelEvent, Product, SlipStatus

NUMBER_LENGTH = 64


class ProductSerializer(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = (
            "id",
            "name",
            "code",
            "sku",
            "supplier_sku",
            "item_cost",
            "shipping_cost",
            "created_at",
            "updated_at",
        )


class ParcelEventSerializer(serializers.ModelSerializer[ParcelEvent]):
    class Meta:
        model = ParcelEvent
        fields = ("at", "status", "description", "place")


class ParcelSerializer(serializers.ModelSerializer[Parcel]):
    status_text = serializers.CharField(source="get_status_display", read_only=True)

    class Meta:
        model = Parcel
        fields = (
            "number",
            "courier_code",
            "status",
            "status_text",
            "sub_status",
            "last_event",
            "last_event_at",
            "delivered_at",
            "asked_at",
            "is_followed",
            "error",
        )


class ParcelWithEventsSerializer(ParcelSerializer):
    events = ParcelEventSerializer(many=True, read_only=True)

    class Meta(ParcelSerializer.Meta):
        fields = (*ParcelSerializer.Meta.fields, "events")


class PackingSlipSerializer(serializers.ModelSerializer[PackingSlip]):
    platform_fee = serializers.DecimalField(max_digits=14, decimal_places=2, read_only=True)
    profit = serializers.DecimalField(max_digits=14, decimal_places=2, read_only=True)
    parcels = ParcelSerializer(many=True, read_only=True)

    class Meta:
        model = PackingSlip
        fields = (
            "id",
            "order_id",
            "ship_to",
            "product",
            "quantity",
            "customizations",
            "status",
            "sales_price",
            "shipping_price",
            "item_cost",
            "shipping_cost",
            "platform_fee_percent",
            "platform_fee",
            "profit",
            "tracking_ids",
            "tracking_vendor",
            "tracking_status",
            "delivered_at",
            "parcels",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("tracking_status", "delivered_at")

    def validate_tracking_ids(self, text: str) -> str:
        too_long = [number for number in slips.entered_numbers(text) if len(number) > NUMBER_LENGTH]
        if too_long:
            raise serializers.ValidationError(
                f"{too_long[0][:20]}… is longer than {NUMBER_LENGTH} characters: separate numbers by commas."
            )
        return text

    def validate_tracking_vendor(self, code: str) -> str:
        return code.strip().lower()

    def update(self, slip: PackingSlip, changes: dict[str, Any]) -> PackingSlip:
        """Write the given fields alone: a job may be writing the slip's status at this very moment."""
        for name, value in changes.items():
            setattr(slip, name, value)
        slip.save(update_fields=[*changes, "updated_at"])
        return slip


class PackingSlipDetailSerializer(PackingSlipSerializer):
    parcels = ParcelWithEventsSerializer(many=True, read_only=True)


class PackingSlipFilter(serializers.Serializer[Any]):
    """The query of the list."""

    status = serializers.ChoiceField(SlipStatus.choices, required=False)
    vendor = serializers.CharField(required=False, help_text="Courier code, e.g. fedex.")
    q = serializers.CharField(required=False, help_text="Part of an order id, recipient or tracking number.")


class ProductFilter(serializers.Serializer[Any]):
    q = serializers.CharField(required=False, help_text="Part of a name, code or SKU.")


class WholeNumberField(serializers.IntegerField):
    """A JSON whole number: neither true nor 1.5 nor "60"."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class TrackingUpdateRequest(serializers.Serializer[Any]):
    """One order, one packing slip, or nothing for all that are due."""

    order_id = serializers.CharField(required=False, max_length=64)
    packing_slip_id = WholeNumberField(required=False, min_value=1, max_value=LARGEST_ID)

    def validate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(
                {unknown[0]: "Unknown field: give order_id, packing_slip_id or neither."}
            )
        if len(wanted) > 1:
            raise serializers.ValidationError(
                {"packing_slip_id": "Give either order_id or packing_slip_id, not both."}
            )
        return wanted


class TrackingResult(serializers.Serializer[Any]):
    """What an update did to one order; `error` or `message` where Track123 was not asked."""

    success = serializers.BooleanField()
    order_id = serializers.CharField()
    tracking_number = serializers.CharField(required=False)
    old_status = serializers.CharField(required=False)
    new_status = serializers.CharField(required=False)
    is_delivered = serializers.BooleanField(required=False)
    skipped = serializers.BooleanField(required=False)
    message = serializers.CharField(required=False)
    error = serializers.CharField(required=False)


class TrackingResults(TrackingResult):
    """For an order of several packing slips: `results`, one each."""

    results = TrackingResult(many=True, required=False)


class TrackingQueued(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    queued = serializers.IntegerField()
    job_id = serializers.CharField()
