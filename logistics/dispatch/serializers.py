"""The JSON of dispatch. No field here takes a person's id from the caller."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.timezone import now
from rest_framework import serializers

from ims.lib.ids import IdField
from logistics.dispatch.candidates import Candidate
from logistics.dispatch.models import Priority, RequestStatus, StockRequest, answer_time
from logistics.fleet.models import Station


class Decision(models.TextChoices):
    """What an EIC may decide about a request."""

    ASSIGNING = RequestStatus.ASSIGNING.value
    APPROVED = RequestStatus.APPROVED.value
    REJECTED = RequestStatus.REJECTED.value


class PlaceSerializer(serializers.ModelSerializer[Station]):
    class Meta:
        model = Station
        fields = ("id", "code", "name")
        read_only_fields = fields


class StockRequestSerializer(serializers.ModelSerializer[StockRequest]):
    dbs = PlaceSerializer(read_only=True)
    ms = PlaceSerializer(source="dbs.parent_station", read_only=True)
    target_driver_name = serializers.CharField(
        source="target_driver.name", default=None, read_only=True, allow_null=True
    )
    expires_in_seconds = serializers.SerializerMethodField()
    dry_out_minutes = serializers.IntegerField(source="dbs.dry_out_minutes", read_only=True, allow_null=True)
    lead_time_minutes = serializers.IntegerField(source="dbs.lead_time_minutes", read_only=True)
    is_escalated = serializers.BooleanField(read_only=True)
    trip_id = serializers.IntegerField(source="trip.pk", default=None, read_only=True, allow_null=True)
    token_number = serializers.CharField(source="token.number", default=None, read_only=True, allow_null=True)

    class Meta:
        model = StockRequest
        fields = (
            "id",
            "dbs",
            "ms",
            "requested_qty_kg",
            "priority",
            "status",
            "assignment_mode",
            "assignment_started_at",
            "expires_in_seconds",
            "target_driver",
            "target_driver_name",
            "dry_out_minutes",
            "lead_time_minutes",
            "expiries",
            "is_escalated",
            "trip_id",
            "token_number",
            "notes",
            "reason",
            "created_at",
            "approved_at",
            "rejected_at",
        )
        read_only_fields = fields

    def get_expires_in_seconds(self, request: StockRequest) -> int | None:
        """How long the driver still has to answer; null where nothing is offered."""
        return seconds_left(request)


def seconds_left(request: StockRequest) -> int | None:
    end = request.expires_at
    return None if end is None else max(0, round((end - now()).total_seconds()))


class StockRequestFilter(serializers.Serializer[Any]):
    """The query of the list."""

    status = serializers.ChoiceField(RequestStatus.choices, required=False)
    dbs = IdField(required=False, help_text="The id of a daughter station.")


class NewStockRequest(serializers.Serializer[Any]):
    dbs = IdField(help_text="The id of one of your daughter stations.")
    requested_qty_kg = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=Decimal(1))
    priority = serializers.ChoiceField(Priority.choices, default=Priority.NORMAL)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class StatusChange(ReasonSerializer):
    """What an EIC decides. ASSIGNING without driver_id takes the first vehicle in the queue."""

    status = serializers.ChoiceField(Decision.choices)
    driver_id = IdField(required=False, allow_null=True, default=None)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class StatusChanged(StockRequestSerializer):
    success = serializers.BooleanField(default=True, read_only=True)

    class Meta(StockRequestSerializer.Meta):
        fields = ("success", *StockRequestSerializer.Meta.fields)
        read_only_fields = fields

    def to_representation(self, request: StockRequest) -> dict[str, Any]:
        return {"success": True, **super().to_representation(request)}


class Answering(ReasonSerializer):
    stock_request_id = IdField()


class Accepted(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.CharField()
    trip_id = serializers.IntegerField()
    token_number = serializers.CharField()


class Declined(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.CharField()


class PendingOfferSerializer(serializers.Serializer[StockRequest]):
    """A trip that is offered to the caller."""

    stock_request_id = serializers.IntegerField(source="pk")
    dbs = PlaceSerializer()
    ms = PlaceSerializer(source="dbs.parent_station")
    requested_qty_kg = serializers.DecimalField(max_digits=12, decimal_places=2)
    priority = serializers.CharField()
    assigned_at = serializers.DateTimeField(source="assignment_started_at")
    remaining_seconds = serializers.SerializerMethodField()
    timeout_seconds = serializers.SerializerMethodField()

    def get_remaining_seconds(self, request: StockRequest) -> int:
        return seconds_left(request) or 0

    def get_timeout_seconds(self, request: StockRequest) -> int:
        return int(answer_time().total_seconds())


class AvailableFilter(serializers.Serializer[Any]):
    """The query of the available drivers."""

    ms = IdField(required=False, help_text="One of your mother stations; by default the first.")
    stock_request_id = IdField(required=False, help_text="Warns of drivers who declined this very request.")


class AvailableDriver(serializers.Serializer[Candidate]):
    driver_id = serializers.IntegerField(source="driver.pk")
    name = serializers.CharField(source="driver.name")
    vehicle = serializers.CharField(source="shift.vehicle.registration")
    trips_today = serializers.IntegerField()
    warning = serializers.CharField()
