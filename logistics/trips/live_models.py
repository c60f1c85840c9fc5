"""What a moving trip leaves behind: fixes, the events that watchers get, and proofs of delivery."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from ims.lib.models import BaseModel
from logistics.fleet.models import LatitudeField, LongitudeField
from logistics.trips.models import Trip

FASTEST = 300  # km/h that a fix may claim


class SpeedField(models.DecimalField):  # type: ignore[type-arg]
    """Kilometres an hour."""

    def __init__(self, **options: Any) -> None:
        bounds = [MinValueValidator(0), MaxValueValidator(FASTEST)]
        defaults: dict[str, Any] = {"max_digits": 4, "decimal_places": 1, "validators": bounds}
        super().__init__(**{**defaults, **options})


class GpsPoint(models.Model):
    """Where a vehicle was at one moment. A moment is kept once, however often a phone sends it."""

    trip = models.ForeignKey(Trip, on_delete=models.CASCADE, related_name="points", db_index=False)
    lat = LatitudeField()
    lng = LongitudeField()
    speed = SpeedField(null=True, blank=True, help_text="km/h; empty: the device did not say")
    heading = models.PositiveSmallIntegerField(null=True, blank=True, help_text="° from north, clockwise")
    recorded_at = models.DateTimeField(db_index=True, help_text="By the device's clock.")
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["recorded_at"]
        constraints = [
            models.UniqueConstraint(fields=["trip", "recorded_at"], name="gps_moment_once"),
            models.CheckConstraint(
                condition=Q(lat__gte=-90, lat__lte=90, lng__gte=-180, lng__lte=180), name="gps_on_earth"
            ),
            models.CheckConstraint(condition=Q(heading=None) | Q(heading__lt=360), name="gps_heading_known"),
        ]

    def __str__(self) -> str:
        return f"{self.lat}, {self.lng} at {self.recorded_at}"


class TripFeed(models.Model):
    """A trip's newest fix, and the number of its last event.

    An event takes the next number under this row's lock, which is held until it is committed: so the events
    of one trip become visible in the order of their numbers, and `number > last seen` misses none.
    """

    trip = models.OneToOneField(Trip, on_delete=models.CASCADE, related_name="feed", primary_key=True)
    last_event = models.PositiveBigIntegerField(default=0)
    lat = LatitudeField(null=True)
    lng = LongitudeField(null=True)
    speed = SpeedField(null=True)
    heading = models.PositiveSmallIntegerField(null=True)
    fix_at = models.DateTimeField(null=True, help_text="When the newest fix was recorded.")

    def __str__(self) -> str:
        return f"Feed of trip {self.trip_id}"


class EventType(models.TextChoices):
    GPS = "gps_update", "Position"
    STATUS = "status_update", "Status"


class TripEvent(models.Model):
    """What everybody who watches a trip receives, in the order of its numbers."""

    trip = models.ForeignKey(Trip, on_delete=models.CASCADE, related_name="events", db_index=False)
    number = models.PositiveBigIntegerField()
    type = models.CharField(max_length=16, choices=EventType.choices)
    at = models.DateTimeField(help_text="When what it tells happened: an event is published once.")
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["trip", "number"]
        constraints = [
            models.UniqueConstraint(fields=["trip", "number"], name="trip_event_in_order"),
            models.UniqueConstraint(fields=["trip", "type", "at"], name="trip_event_once"),
            models.CheckConstraint(condition=Q(type__in=EventType.values), name="trip_event_type_known"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.number} of trip {self.trip_id}"


class ProofKind(models.TextChoices):
    SIGNATURE = "signature", "Signature"
    PHOTO = "photo", "Photo"


class TripProof(BaseModel):
    """A picture that says: it was handed over."""

    trip = models.ForeignKey(Trip, on_delete=models.CASCADE, related_name="proofs")
    kind = models.CharField(max_length=16, choices=ProofKind.choices)
    picture = models.FileField(upload_to="trips/")
    signed_by = models.CharField(max_length=200, blank=True, help_text="Who took it over.")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ProofKind.values), name="trip_proof_kind_known")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.trip}"
