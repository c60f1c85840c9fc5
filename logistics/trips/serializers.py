"""Trips as JSON, and what callers send."""

from decimal import Decimal
from typing import Any

from django.utils.timezone import now
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ims.lib.ids import IdField
from logistics.trips import access
from logistics.trips.gps import NewFix
from logistics.trips.live_models import FASTEST, GpsPoint, ProofKind, TripFeed, TripProof
from logistics.trips.models import Trip, TripStatus

MOST_SHARED_HOURS = 168


# --- What we answer -------------------------------------------------------------------------------------


class StopSerializer(serializers.Serializer[Any]):
    place = serializers.CharField()
    lat = serializers.FloatField(allow_null=True)
    lng = serializers.FloatField(allow_null=True)


class CrewMemberSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()


class TripVehicleSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    registration = serializers.CharField()
    type = serializers.CharField()


class TripPatientSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    medical_record_number = serializers.CharField()
    name = serializers.CharField()
    phone = serializers.CharField()


class PositionSerializer(serializers.Serializer[Any]):
    lat = serializers.FloatField()
    lng = serializers.FloatField()
    speed = serializers.FloatField(allow_null=True, help_text="km/h")
    heading = serializers.IntegerField(allow_null=True)
    recorded_at = serializers.DateTimeField(source="fix_at")
    age_seconds = serializers.SerializerMethodField()

    def get_age_seconds(self, feed: TripFeed) -> int | None:
        return max(0, int((now() - feed.fix_at).total_seconds())) if feed.fix_at else None


class TripSerializer(serializers.ModelSerializer[Trip]):
    """Patient, notes and proofs are for dispatchers and the crew alone."""

    pickup = serializers.SerializerMethodField()
    dropoff = serializers.SerializerMethodField()
    driver = CrewMemberSerializer(allow_null=True)
    vehicle = TripVehicleSerializer(allow_null=True)
    paramedic = serializers.SerializerMethodField()
    patient = serializers.SerializerMethodField()
    notes = serializers.SerializerMethodField()
    position = serializers.SerializerMethodField()
    last_event = serializers.SerializerMethodField()

    class Meta:
        model = Trip
        fields = (
            "id", "status", "status_changed_at", "driver", "vehicle", "paramedic", "patient", "stock_request",
            "contract", "pickup", "dropoff", "scheduled_pickup_time", "assigned_at", "en_route_at",
            "at_pickup_at", "in_transit_at", "arrived_at", "completed_at", "cancelled_at", "timed_out_at",
            "odometer_start_km", "odometer_end_km", "delivered_kg", "notes", "position", "last_event",
            "created_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(StopSerializer)
    def get_pickup(self, trip: Trip) -> dict[str, Any]:
        return place(trip.pickup_place, trip.pickup_lat, trip.pickup_lng)

    @extend_schema_field(StopSerializer)
    def get_dropoff(self, trip: Trip) -> dict[str, Any]:
        return place(trip.dropoff_place, trip.dropoff_lat, trip.dropoff_lng)

    @extend_schema_field(CrewMemberSerializer(allow_null=True))
    def get_paramedic(self, trip: Trip) -> dict[str, Any] | None:
        user = trip.paramedic
        return {"id": user.pk, "name": user.display_name} if user else None

    @extend_schema_field(TripPatientSerializer(allow_null=True))
    def get_patient(self, trip: Trip) -> dict[str, Any] | None:
        if trip.patient is None or not self._knows_patient(trip):
            return None
        return dict(TripPatientSerializer(trip.patient).data)

    def get_notes(self, trip: Trip) -> str:
        return trip.notes if self._knows_patient(trip) else ""

    @extend_schema_field(PositionSerializer(allow_null=True))
    def get_position(self, trip: Trip) -> dict[str, Any] | None:
        feed = getattr(trip, "feed", None)
        return dict(PositionSerializer(feed).data) if feed and feed.fix_at else None

    def get_last_event(self, trip: Trip) -> int:
        feed = getattr(trip, "feed", None)
        return feed.last_event if feed else 0

    def _knows_patient(self, trip: Trip) -> bool:
        return access.knows_patient(self.context["request"].user, trip)


def place(name: str, lat: Decimal | None, lng: Decimal | None) -> dict[str, Any]:
    return {
        "place": name,
        "lat": None if lat is None else float(lat),
        "lng": None if lng is None else float(lng),
    }


class PointSerializer(serializers.ModelSerializer[GpsPoint]):
    lat = serializers.FloatField()
    lng = serializers.FloatField()
    speed = serializers.FloatField(allow_null=True)

    class Meta:
        model = GpsPoint
        fields = ("lat", "lng", "speed", "heading", "recorded_at")
        read_only_fields = fields


class TrackSerializer(serializers.Serializer[Any]):
    """A list of one page. `thinned`: of more `recorded` fixes only every so many-th, and the last."""

    count = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = PointSerializer(many=True)
    thinned = serializers.BooleanField()
    recorded = serializers.IntegerField()


class IngestedSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = serializers.ListField(child=serializers.DictField(), help_text="index, field and message")


class EventsSerializer(serializers.Serializer[Any]):
    """`after` of the next question is `last`; after a `reset` fetch the trip itself anew."""

    results = serializers.ListField(child=serializers.DictField())
    count = serializers.IntegerField()
    last = serializers.IntegerField()
    reset = serializers.BooleanField()


class ProofSerializer(serializers.ModelSerializer[TripProof]):
    class Meta:
        model = TripProof
        fields = ("id", "kind", "signed_by", "created_at")
        read_only_fields = fields


class SharedSerializer(serializers.Serializer[Any]):
    url = serializers.CharField()
    expires_at = serializers.DateTimeField()


# --- What callers send ----------------------------------------------------------------------------------


class TripFilter(serializers.Serializer[Any]):
    """The query of the list."""

    status = serializers.ChoiceField(TripStatus.choices, required=False)
    driver = IdField(required=False)


class CrewRequest(serializers.Serializer[Any]):
    driver_id = IdField()
    vehicle_id = IdField(required=False, help_text="By default the driver's own.")
    paramedic_id = IdField(required=False, allow_null=True, default=None)


class NewTrip(serializers.Serializer[Any]):
    patient_id = IdField()
    contract_id = IdField(required=False, allow_null=True, default=None)
    pickup_place = serializers.CharField(max_length=255)
    pickup_lat = serializers.DecimalField(9, 6, min_value=-90, max_value=90, required=False, allow_null=True)
    pickup_lng = serializers.DecimalField(
        9, 6, min_value=-180, max_value=180, required=False, allow_null=True
    )
    dropoff_place = serializers.CharField(max_length=255)
    dropoff_lat = serializers.DecimalField(9, 6, min_value=-90, max_value=90, required=False, allow_null=True)
    dropoff_lng = serializers.DecimalField(
        9, 6, min_value=-180, max_value=180, required=False, allow_null=True
    )
    scheduled_pickup_time = serializers.DateTimeField()
    notes = serializers.CharField(required=False, allow_blank=True, max_length=5000, default="")


class MoveRequest(serializers.Serializer[Any]):
    status = serializers.ChoiceField(TripStatus.choices)
    odometer_km = serializers.DecimalField(10, 1, min_value=0, required=False, allow_null=True, default=None)
    delivered_kg = serializers.DecimalField(12, 2, min_value=0, required=False, allow_null=True, default=None)


class CancelRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class FixSerializer(serializers.Serializer[Any]):
    """One fix. Longer fractions of a degree than phones can know are cut."""

    latitude = serializers.FloatField(min_value=-90, max_value=90)
    longitude = serializers.FloatField(min_value=-180, max_value=180)
    speed = serializers.FloatField(min_value=0, max_value=FASTEST, required=False, allow_null=True)
    heading = serializers.FloatField(min_value=0, max_value=360, required=False, allow_null=True)
    recorded_at = serializers.DateTimeField(required=False, help_text="With its zone; of one fix: now.")

    def to_internal_value(self, data: Any) -> Any:
        return as_fix(super().to_internal_value(data))


def as_fix(facts: dict[str, Any]) -> NewFix:
    speed, heading = facts.get("speed"), facts.get("heading")
    return NewFix(
        lat=Decimal(f"{facts['latitude']:.6f}"),
        lng=Decimal(f"{facts['longitude']:.6f}"),
        speed=None if speed is None else Decimal(f"{speed:.1f}"),
        heading=None if heading is None else round(heading) % 360,
        recorded_at=facts.get("recorded_at") or now(),
    )


class FixesRequest(serializers.Serializer[Any]):
    """One fix, or `points`: a batch."""

    latitude = serializers.FloatField(required=False)
    longitude = serializers.FloatField(required=False)
    speed = serializers.FloatField(required=False, allow_null=True)
    heading = serializers.FloatField(required=False, allow_null=True)
    recorded_at = serializers.DateTimeField(required=False)
    points = FixSerializer(many=True, required=False)


class ProofRequest(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(ProofKind.choices)
    picture = serializers.FileField(help_text="PNG or JPEG, 5 MB at most.")
    signed_by = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")


class ShareRequest(serializers.Serializer[Any]):
    hours = serializers.IntegerField(min_value=1, max_value=MOST_SHARED_HOURS, default=24)
