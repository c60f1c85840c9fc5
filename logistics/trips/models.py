"""A trip: a patient's transport, or the delivery of a stock request."""

from datetime import date

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from ims.lib.local_time import local_day
from ims.lib.models import BaseModel
from logistics.fleet.models import Driver, KilogramField, LatitudeField, LongitudeField, Vehicle


class TripStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    ASSIGNED = "assigned", "Assigned"
    EN_ROUTE = "en_route", "On the way to the pickup"
    AT_PICKUP = "at_pickup", "At the pickup"
    IN_TRANSIT = "in_transit", "In transit"
    ARRIVED = "arrived", "Arrived"
    COMPLETED = "completed", "Completed"
    CANCELLED = "cancelled", "Cancelled"


IN_PROGRESS = (TripStatus.EN_ROUTE, TripStatus.AT_PICKUP, TripStatus.IN_TRANSIT, TripStatus.ARRIVED)
OPEN = (TripStatus.PENDING, TripStatus.ASSIGNED, *IN_PROGRESS)
# A delivery binds its driver and vehicle from its acceptance on; a transport, once it is on its way.
BINDING = Q(status__in=IN_PROGRESS) | Q(status=TripStatus.ASSIGNED, stock_request__isnull=False)
_STARTED = Q(status__in=["en_route", "at_pickup", "in_transit", "arrived"])
_DELIVERING = Q(
    status__in=["assigned", "en_route", "at_pickup", "in_transit", "arrived"], stock_request__isnull=False
)


class Patient(BaseModel):
    """Whom a transport is for. Only staff and the trip's crew see it."""

    medical_record_number = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=32, blank=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="patient",
        help_text="The patient's own login, if there is one. Its id is not the patient's id.",
    )

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(medical_record_number=""), name="patient_has_record_number")
        ]

    def __str__(self) -> str:
        return f"Patient {self.medical_record_number}"


class Company(BaseModel):
    """Who pays for trips under a contract."""

    name = models.CharField(max_length=200, unique=True)
    billing_email = models.EmailField(blank=True, help_text="Where its invoices go.")
    billing_address = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "companies"
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="company_has_name")]

    def __str__(self) -> str:
        return self.name


class Contract(BaseModel):
    """A company's agreement to pay for trips, from its start to its end if it has one.

    A company may have several at once: each trip names the one under which it is invoiced.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="contracts")
    number = models.CharField(max_length=64, unique=True)
    start = models.DateField()
    end = models.DateField(null=True, blank=True, help_text="The last day; empty: until it is ended.")

    class Meta:
        ordering = ["company", "number"]
        constraints = [
            models.CheckConstraint(condition=~Q(number=""), name="contract_has_number"),
            models.CheckConstraint(
                condition=Q(end=None) | Q(end__gte=models.F("start")), name="contract_ends_after_its_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.company}, {self.number}"

    def clean(self) -> None:
        if self.start and self.end and self.end < self.start:
            raise ValidationError({"end": "The last day must not be before the first."})

    def covers(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


class Trip(BaseModel):
    driver = models.ForeignKey(Driver, null=True, blank=True, on_delete=models.PROTECT, related_name="trips")
    vehicle = models.ForeignKey(
        Vehicle, null=True, blank=True, on_delete=models.PROTECT, related_name="trips"
    )
    paramedic = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    patient = models.ForeignKey(
        Patient, null=True, blank=True, on_delete=models.PROTECT, related_name="trips"
    )
    stock_request = models.OneToOneField(
        "logistics.StockRequest",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="trip",
        help_text="The delivery that this trip is; a request has one trip at most.",
    )
    contract = models.ForeignKey(
        Contract,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="trips",
        help_text="Under which it is invoiced; without one the patient pays.",
    )
    pickup_place = models.CharField(max_length=255, blank=True)
    pickup_lat = LatitudeField(null=True, blank=True)
    pickup_lng = LongitudeField(null=True, blank=True)
    dropoff_place = models.CharField(max_length=255, blank=True)
    dropoff_lat = LatitudeField(null=True, blank=True)
    dropoff_lng = LongitudeField(null=True, blank=True)
    scheduled_pickup_time = models.DateTimeField(null=True, blank=True, db_index=True)

    status = models.CharField(max_length=16, choices=TripStatus.choices, default=TripStatus.PENDING)
    status_changed_at = models.DateTimeField(null=True, blank=True)
    assigned_at = models.DateTimeField(null=True, blank=True)
    en_route_at = models.DateTimeField(null=True, blank=True)
    at_pickup_at = models.DateTimeField(null=True, blank=True)
    in_transit_at = models.DateTimeField(null=True, blank=True)
    arrived_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    timed_out_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was flagged as too long without a move."
    )

    odometer_start_km = models.DecimalField(
        max_digits=10, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    odometer_end_km = models.DecimalField(
        max_digits=10, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    delivered_kg = KilogramField(null=True, blank=True, help_text="Of a delivery: what the station received.")
    notes = models.TextField(blank=True, help_text="For the dispatchers and the crew alone.")
    share_round = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Public links of earlier rounds are revoked."
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why it was cancelled.")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["driver", "-scheduled_pickup_time"], name="trip_of_driver"),
            models.Index(fields=["status_changed_at"], condition=_STARTED, name="trip_in_progress"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=TripStatus.values), name="trip_status_known"),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "cancelled"])
                | Q(driver__isnull=False, vehicle__isnull=False),
                name="trip_under_way_has_crew",
            ),
            models.CheckConstraint(
                condition=Q(odometer_end_km=None)
                | Q(odometer_start_km=None)
                | Q(odometer_end_km__gte=models.F("odometer_start_km")),
                name="trip_odometer_runs_forward",
            ),
            models.CheckConstraint(
                condition=Q(delivered_kg=None) | Q(delivered_kg__gte=0), name="trip_delivery_not_negative"
            ),
            models.UniqueConstraint(
                fields=["driver"], condition=_STARTED, name="trip_one_started_per_driver"
            ),
            models.UniqueConstraint(
                fields=["vehicle"], condition=_STARTED, name="trip_one_started_per_vehicle"
            ),
            models.UniqueConstraint(
                fields=["driver"], condition=_DELIVERING, name="trip_one_delivery_per_driver"
            ),
            models.UniqueConstraint(
                fields=["vehicle"], condition=_DELIVERING, name="trip_one_delivery_per_vehicle"
            ),
        ]

    def __str__(self) -> str:
        return f"Trip {self.pk}"

    def clean(self) -> None:
        """A contract pays for trips of its own days; which day a trip is of, its pickup says."""
        contract, pickup = self.contract, self.scheduled_pickup_time
        if contract and pickup and not contract.covers(day := local_day(pickup)):
            until = f"{contract.start} to {contract.end}" if contract.end else f"{contract.start} on"
            sentence = f"Contract {contract.number} is for trips from {until}, not on {day}: choose another."
            raise ValidationError({"contract": sentence}, code="contract_over")

    def get_absolute_url(self) -> str:
        return reverse("logistics:trip", args=[self.pk])
