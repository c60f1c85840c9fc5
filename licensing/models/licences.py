"""A licence, the exports that earned its credit, and the goods that it lets in."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from ims.lib.models import BaseModel
from licensing.models.fields import MoneyField, QuantityField, none_negative
from licensing.rows import LedgerRow


class PurchaseStatus(models.TextChoices):
    """Whose licence it is."""

    OWN = "own", "Own export"
    PURCHASED = "purchased", "Purchased"
    ORDERED = "ordered", "Ordered"


class License(BaseModel):
    """A DFIA licence. Its figures are worked out from its ledger (balances.py), never typed in."""

    license_number = models.CharField(max_length=64, unique=True)
    license_date = models.DateField(null=True, blank=True)
    expiry_date = models.DateField(
        null=True, blank=True, help_text="Good until the end of this day in India."
    )
    exporter = models.CharField(max_length=200, blank=True)
    port = models.CharField(max_length=64, blank=True, help_text="Port of registration, e.g. INNSA1.")
    scheme_code = models.CharField(max_length=32, blank=True, help_text="e.g. 26 for DFIA.")
    notification_code = models.CharField(max_length=32, blank=True, help_text="e.g. 025/2023.")
    purchase_status = models.CharField(
        max_length=16, choices=PurchaseStatus.choices, default=PurchaseStatus.OWN
    )
    is_active = models.BooleanField(default=True, help_text="Off: nothing is allotted from it any more.")

    balance_cif = MoneyField(editable=False, help_text="US dollars.")
    overdrawn_cif = MoneyField(editable=False, help_text="US dollars taken beyond the credit.")
    is_null = models.BooleanField(default=True, editable=False, help_text="The balance is next to nothing.")
    is_expired = models.BooleanField(default=False, editable=False)
    is_stale = models.BooleanField(
        default=False, editable=False, help_text="A large change waits for the job that works it out."
    )

    low_since = models.DateField(
        null=True,
        blank=True,
        editable=False,
        help_text="Since when its balance is low; the reminders keep it.",
    )

    class Meta:
        ordering = ["-license_date", "-id"]
        indexes = [
            models.Index(fields=["is_expired", "is_null", "expiry_date"], name="licence_state"),
            models.Index(fields=["id"], condition=Q(is_stale=True), name="licence_stale"),
            models.Index(fields=["id"], condition=Q(overdrawn_cif__gt=0), name="licence_overdrawn"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(license_number=""), name="licence_has_number"),
            none_negative("licence_not_negative", "balance_cif", "overdrawn_cif"),
            models.CheckConstraint(
                condition=Q(balance_cif=0) | Q(overdrawn_cif=0), name="licence_balance_or_overdrawn"
            ),
        ]

    def __str__(self) -> str:
        return self.license_number

    def get_absolute_url(self) -> str:
        return reverse("licensing:license", args=[self.pk])


class ExportItem(LedgerRow):
    """Goods that were exported under a licence; their CIF value is its credit."""

    license_path = "license"
    inputs = ("license", "cif_fc")

    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="export_items")
    description = models.CharField(max_length=500, blank=True)
    norm_class = models.CharField(max_length=32, blank=True, help_text="SION norm, e.g. E1 or E132.")
    quantity = QuantityField()
    net_quantity = QuantityField(help_text="Net of packing.")
    unit = models.CharField(max_length=16, blank=True, default="kg")
    fob = MoneyField(verbose_name="FOB", help_text="US dollars.")
    cif_fc = MoneyField(verbose_name="CIF", help_text="US dollars: the credit.")
    cif_inr = MoneyField(verbose_name="CIF in rupees")

    class Meta:
        ordering = ["id"]
        constraints = [
            none_negative("export_not_negative", "quantity", "net_quantity", "fob", "cif_fc", "cif_inr")
        ]

    def __str__(self) -> str:
        return self.description or f"Export item {self.pk}"


class ImportItem(LedgerRow):
    """Goods that may be imported duty free under a licence, and how much of them is left."""

    license_path = "license"
    inputs = ("license", "quantity", "is_restricted", "restriction_percentage", "norm_class")

    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="import_items")
    serial = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    hs_code = models.CharField("HS code", max_length=16, blank=True)
    description = models.CharField(max_length=500, blank=True)
    quantity = QuantityField()
    unit = models.CharField(max_length=16, blank=True, default="kg")
    cif_fc = MoneyField(verbose_name="CIF", help_text="US dollars.")
    is_restricted = models.BooleanField(default=False)
    restriction_percentage = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Percent of the licence's credit that items of this norm and percentage share.",
    )
    norm_class = models.CharField(max_length=32, blank=True)

    available_quantity = QuantityField(editable=False)
    available_value = MoneyField(editable=False)
    debited_quantity = QuantityField(editable=False)
    debited_value = MoneyField(editable=False)
    allotted_quantity = QuantityField(editable=False)
    allotted_value = MoneyField(editable=False)

    class Meta:
        ordering = ["license", "serial"]
        indexes = [models.Index(fields=["hs_code", "license"], name="item_hs_code")]
        constraints = [
            models.UniqueConstraint(fields=["license", "serial"], name="item_serial_once_per_licence"),
            models.CheckConstraint(condition=Q(serial__gte=1), name="item_serial_positive"),
            none_negative("item_not_negative", "quantity", "cif_fc"),
            none_negative(
                "item_figures_not_negative",
                "available_quantity",
                "available_value",
                "debited_quantity",
                "debited_value",
                "allotted_quantity",
                "allotted_value",
            ),
            models.CheckConstraint(
                condition=Q(restriction_percentage=None)
                | Q(restriction_percentage__gte=0, restriction_percentage__lte=100),
                name="item_restriction_is_percent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.license} item {self.serial}"

    @property
    def over_quantity(self) -> Decimal:
        """How much more was taken than the item holds."""
        over: Decimal = self.debited_quantity + self.allotted_quantity - self.quantity
        return max(Decimal(0), over)
