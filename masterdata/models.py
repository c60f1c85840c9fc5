"""Products, packing slips and the parcels that carry them."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from ims.imports.models import SheetUpload
from ims.lib.models import BaseModel
from ims.lib.secrets import EncryptedTextField
from masterdata.statuses import TransitStatus

CENT = Decimal("0.01")


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    """An amount of zero or more with two decimals, in the currency of the shop."""

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {"max_digits": 12, "decimal_places": 2, "default": Decimal(0)}
        super().__init__(**{**defaults, "validators": [MinValueValidator(0)], **options})


class Product(BaseModel):
    name = models.CharField(max_length=200)
    code = models.CharField(
        max_length=64, unique=True, help_text="The shop's own short code, e.g. MUG-11-WHT."
    )
    sku = models.CharField("SKU", max_length=64, blank=True, db_index=True)
    supplier_sku = models.CharField("supplier's SKU", max_length=64, blank=True)
    item_cost = MoneyField(help_text="What one piece costs to make or buy.")
    shipping_cost = MoneyField(help_text="What sending one piece costs.")

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="product_has_code"),
            models.CheckConstraint(
                condition=Q(item_cost__gte=0, shipping_cost__gte=0), name="product_costs_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class SlipStatus(models.TextChoices):
    """How far an order is."""

    NEW_ORDER = "new_order", "New order"
    DIGITIZING = "digitizing", "Digitizing"
    READY_FOR_PRODUCTION = "ready_for_production", "Ready for production"
    IN_PRODUCTION = "in_production", "In production"
    QUALITY_CHECK = "quality_check", "Quality check"
    READY_TO_SHIP = "ready_to_ship", "Ready to ship"
    SHIPPED = "shipped", "Shipped"
    DELIVERED = "delivered", "Delivered"


class PackingSlip(BaseModel):
    """An order, or a part of one, that is made and then sent in one or more parcels."""

    order_id = models.CharField(
        max_length=64, db_index=True, help_text="One order can have several packing slips."
    )
    ship_to = models.TextField(blank=True, help_text="Name and address of the recipient.")
    product = models.ForeignKey(
        Product, null=True, blank=True, on_delete=models.PROTECT, related_name="packing_slips"
    )
    quantity = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    customizations = models.TextField(blank=True)
    status = models.CharField(max_length=32, choices=SlipStatus.choices, default=SlipStatus.NEW_ORDER)

    sales_price = MoneyField()
    shipping_price = MoneyField(help_text="What the customer paid for shipping.")
    item_cost = MoneyField()
    shipping_cost = MoneyField(help_text="What the carrier charged.")
    platform_fee_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Percent of the sales price that the marketplace keeps.",
    )

    tracking_ids = models.TextField(blank=True, help_text="Tracking numbers, separated by commas.")
    tracking_vendor = models.CharField(
        max_length=64,
        blank=True,
        help_text="Courier code: fedex, ups, usps or any other that Track123 knows.",
    )
    tracking_status = models.CharField(
        max_length=255, blank=True, help_text="What people read: the status of the least advanced parcel."
    )
    delivered_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["status", "-created_at", "-id"], name="slip_status_newest"),
            models.Index(fields=["tracking_vendor", "-created_at"], name="slip_vendor_newest"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(order_id=""), name="slip_has_order_id"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="slip_quantity_positive"),
            models.CheckConstraint(condition=Q(status__in=SlipStatus.values), name="slip_status_known"),
            models.CheckConstraint(
                condition=Q(
                    sales_price__gte=0, shipping_price__gte=0, item_cost__gte=0, shipping_cost__gte=0
                ),
                name="slip_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(platform_fee_percent__gte=0, platform_fee_percent__lte=100),
                name="slip_fee_is_percent",
            ),
        ]

    def __str__(self) -> str:
        return f"Order {self.order_id}"

    def get_absolute_url(self) -> str:
        return reverse("masterdata:shipment", args=[self.pk])

    @property
    def platform_fee(self) -> Decimal:
        """What the marketplace keeps, rounded half up to cents."""
        fee: Decimal = self.sales_price * self.platform_fee_percent / 100
        return fee.quantize(CENT, ROUND_HALF_UP)

    @property
    def profit(self) -> Decimal:
        income: Decimal = self.sales_price + self.shipping_price
        costs: Decimal = self.item_cost + self.shipping_cost + self.platform_fee
        return income - costs

    @property
    def recipient(self) -> str:
        """The first line of the address."""
        return self.ship_to.strip().split("\n", 1)[0]


class Parcel(BaseModel):
    """One tracking number of a packing slip and the newest that its courier told of it."""

    slip = models.ForeignKey(PackingSlip, on_delete=models.CASCADE, related_name="parcels")
    number = models.CharField(max_length=64, db_index=True)
    courier_code = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=32, choices=TransitStatus.choices, default=TransitStatus.INIT)
    sub_status = models.CharField(
        max_length=64, blank=True, help_text="The courier's finer code, as Track123 gives it."
    )
    last_event = models.CharField(max_length=500, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    registered_at = models.DateTimeField(
        null=True, blank=True, help_text="When Track123 first took the number."
    )
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the question was put that this answers."
    )
    heard_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When a webhook last told that it moved."
    )
    followed_since = models.DateTimeField(default=timezone.now, editable=False)
    unfollowed_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when Track123 is not asked any more."
    )
    error = models.CharField(max_length=500, blank=True, help_text="Why the newest question had no answer.")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["status", "slip"], name="parcel_status_slip")]
        constraints = [
            models.UniqueConstraint(fields=["slip", "number"], name="parcel_once_per_slip"),
            models.CheckConstraint(condition=~Q(number=""), name="parcel_has_number"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_delivered(self) -> bool:
        return self.status == TransitStatus.DELIVERED

    @property
    def is_followed(self) -> bool:
        """Whether Track123 is still asked about this parcel."""
        return not self.is_delivered and self.unfollowed_at is None


class ParcelEvent(models.Model):
    """One line of a parcel's story, as its courier told it."""

    parcel = models.ForeignKey(Parcel, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    status = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=500, blank=True)
    place = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["parcel", "at", "status"], name="event_once_per_parcel"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.description}"


class TrackingRun(models.Model):
    """One full update of all due orders, so that people see how far it is."""

    job_id = models.CharField(max_length=64, unique=True, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="When its batches were planned.")
    finished_at = models.DateTimeField(null=True, blank=True)
    orders = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0, help_text="Tracking numbers to ask for.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Tracking update of {self.created_at:%Y-%m-%d %H:%M}"


class TrackingBatch(models.Model):
    """The slips of a run that one job asks Track123 about, in one query."""

    run = models.ForeignKey(TrackingRun, on_delete=models.CASCADE, related_name="batches")
    slip_ids = models.JSONField()
    total = models.PositiveIntegerField(help_text="Tracking numbers in this batch.")
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Batch {self.pk} of {self.total} numbers"


class SlipImport(SheetUpload):
    """An uploaded spreadsheet of packing slips: what it would do, then what it did."""

    def get_absolute_url(self) -> str:
        return reverse("masterdata:import", args=[self.pk])


class GoogleDriveSettings(BaseModel):
    """The accounts of the firm's outside services; Track123's key lies here too."""

    email = models.EmailField(unique=True)
    track123_api_key = EncryptedTextField("Track123 API key", blank=True)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    root_folder = models.CharField(max_length=255, blank=True)
    packing_slips_folder = models.CharField(max_length=255, blank=True)
    service_account_json = EncryptedTextField("service account JSON", blank=True)

    class Meta:
        verbose_name = "Google Drive and Track123 settings"
        verbose_name_plural = "Google Drive and Track123 settings"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.email
