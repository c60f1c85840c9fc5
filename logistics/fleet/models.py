"""Stations and who works there; vehicles, drivers and their shifts."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from ims.lib.local_time import local
from ims.lib.models import BaseModel


class KilogramField(models.DecimalField):  # type: ignore[type-arg]
    """A mass of zero or more, to ten grams."""

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "max_digits": 12,
            "decimal_places": 2,
            "validators": [MinValueValidator(0)],
        }
        super().__init__(**{**defaults, **options})


class LatitudeField(models.DecimalField):  # type: ignore[type-arg]
    """Degrees north, to about ten centimetres."""

    limit = 90

    def __init__(self, **options: Any) -> None:
        bounds = [MinValueValidator(-self.limit), MaxValueValidator(self.limit)]
        defaults: dict[str, Any] = {"max_digits": 9, "decimal_places": 6, "validators": bounds}
        super().__init__(**{**defaults, **options})


class LongitudeField(LatitudeField):
    """Degrees east."""

    limit = 180


class StationType(models.TextChoices):
    MS = "MS", "Mother station"
    DBS = "DBS", "Daughter booster station"


class Station(BaseModel):
    """A mother station fills cascades on trucks; a daughter booster station lives on what they bring."""

    type = models.CharField(max_length=3, choices=StationType.choices)
    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    parent_station = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="daughters",
        limit_choices_to={"type": "MS"},
        help_text="Of a DBS: the mother station that supplies it.",
    )
    lat = LatitudeField(null=True, blank=True, verbose_name="latitude")
    lng = LongitudeField(null=True, blank=True, verbose_name="longitude")
    capacity_kg = KilogramField(default=Decimal(0))
    current_stock_kg = KilogramField(default=Decimal(0))
    sale_rate_kg_per_hour = KilogramField(
        default=Decimal(0), help_text="What it sells in an hour, on average."
    )
    lead_time_minutes = models.PositiveIntegerField(
        default=0, help_text="From a request to the gas in the station, in minutes."
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="station_has_code"),
            models.CheckConstraint(
                condition=Q(type="MS", parent_station=None) | Q(type="DBS", parent_station__isnull=False),
                name="station_dbs_has_parent",
            ),
            models.CheckConstraint(
                condition=Q(capacity_kg__gte=0, current_stock_kg__gte=0, sale_rate_kg_per_hour__gte=0),
                name="station_amounts_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"

    def clean(self) -> None:
        if self.parent_station and self.parent_station.type != StationType.MS:
            raise ValidationError({"parent_station": "Choose a mother station."})

    @property
    def dry_out_minutes(self) -> int | None:
        """How long the stock lasts at the rate of sale; None where nothing is sold."""
        if not self.sale_rate_kg_per_hour:
            return None
        return int(self.current_stock_kg * 60 / self.sale_rate_kg_per_hour)

    @property
    def slack_minutes(self) -> int | None:
        """How long until gas must be on its way; below zero it is too late."""
        minutes = self.dry_out_minutes
        return None if minutes is None else minutes - self.lead_time_minutes


class StaffRole(models.TextChoices):
    EIC = "eic", "Engineer in charge"
    OPERATOR = "operator", "Station operator"


class StationStaff(BaseModel):
    """A person's post at a station: an EIC at a mother station, an operator at a DBS."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="posts")
    station = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="staff")
    role = models.CharField(max_length=16, choices=StaffRole.choices)

    class Meta:
        verbose_name_plural = "station staff"
        ordering = ["station", "role", "id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "station", "role"], name="post_once"),
            models.CheckConstraint(condition=Q(role__in=StaffRole.values), name="post_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()} at {self.station}"

    def clean(self) -> None:
        wanted = StationType.MS if self.role == StaffRole.EIC else StationType.DBS
        if self.station_id and self.station.type != wanted:
            raise ValidationError({"station": f"A person with this role works at a {wanted.label.lower()}."})


class VehicleType(models.TextChoices):
    CASCADE_TRUCK = "cascade_truck", "Cascade truck"
    AMBULANCE = "ambulance", "Ambulance"
    VAN = "van", "Van"


class VehicleStatus(models.TextChoices):
    AVAILABLE = "available", "Available"
    IN_TRIP = "in_trip", "In trip"
    MAINTENANCE = "maintenance", "Maintenance"


class Vehicle(BaseModel):
    registration = models.CharField(max_length=32, unique=True)
    ms_home = models.ForeignKey(
        Station,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="vehicles",
        limit_choices_to={"type": "MS"},
        verbose_name="home",
        help_text="The mother station it belongs to.",
    )
    type = models.CharField(max_length=16, choices=VehicleType.choices, default=VehicleType.CASCADE_TRUCK)
    status = models.CharField(max_length=16, choices=VehicleStatus.choices, default=VehicleStatus.AVAILABLE)

    class Meta:
        ordering = ["registration"]
        constraints = [
            models.CheckConstraint(condition=~Q(registration=""), name="vehicle_has_registration"),
            models.CheckConstraint(condition=Q(status__in=VehicleStatus.values), name="vehicle_status_known"),
        ]

    def __str__(self) -> str:
        return self.registration


class DriverStatus(models.TextChoices):
    ACTIVE = "ACTIVE", "Active"
    INACTIVE = "INACTIVE", "Inactive"
    SUSPENDED = "SUSPENDED", "Suspended"


class Driver(BaseModel):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="driver")
    licence = models.CharField(max_length=64, blank=True, help_text="Number of the driving licence.")
    status = models.CharField(max_length=16, choices=DriverStatus.choices, default=DriverStatus.ACTIVE)
    assigned_vehicle = models.ForeignKey(
        Vehicle, null=True, blank=True, on_delete=models.SET_NULL, related_name="drivers"
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=DriverStatus.values), name="driver_status_known")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.user.display_name


class ShiftStatus(models.TextChoices):
    PENDING = "PENDING", "Pending"
    APPROVED = "APPROVED", "Approved"
    REJECTED = "REJECTED", "Rejected"
    EXPIRED = "EXPIRED", "Expired"


class Shift(BaseModel):
    """When a driver drives which vehicle: once, or every day at the same time of day."""

    driver = models.ForeignKey(Driver, on_delete=models.CASCADE, related_name="shifts")
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="shifts")
    start = models.DateTimeField()
    end = models.DateTimeField()
    is_recurring = models.BooleanField(
        "every day", default=False, help_text="Every day from the start on; then only the times of day count."
    )
    status = models.CharField(max_length=16, choices=ShiftStatus.choices, default=ShiftStatus.PENDING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-start", "-id"]
        indexes = [
            models.Index(fields=["driver", "status"], name="shift_of_driver"),
            models.Index(
                fields=["end"], condition=Q(status__in=["PENDING", "APPROVED"]), name="shift_open_by_end"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_recurring=True) | Q(end__gt=F("start")), name="shift_ends_after_its_start"
            ),
            models.CheckConstraint(condition=Q(status__in=ShiftStatus.values), name="shift_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.driver}, {self.vehicle}"

    def clean(self) -> None:
        if self.start and self.end and not self.is_recurring and self.end <= self.start:
            raise ValidationError({"end": "The end must be after the start."})

    def covers(self, moment: datetime) -> bool:
        """Whether the driver is on duty at this moment, were the shift approved."""
        return self._covers_daily(moment) if self.is_recurring else self.start <= moment < self.end

    def _covers_daily(self, moment: datetime) -> bool:
        """From its first day on. A start after the end means overnight; the same time twice, all day long."""
        first, last, this = (local(each) for each in (self.start, self.end, moment))
        if this.date() < first.date():
            return False
        start, end, at = first.time(), last.time(), this.time()
        return start <= at < end if start < end else at >= start or at < end
