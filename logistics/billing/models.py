"""Invoices: what was charged to whom, the payments that came in, and the e-mails that went out."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from ims.lib.models import BaseModel
from ims.notices.models import Letter
from logistics.trips.models import Company, Contract, Patient, Trip


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    """An amount of zero or more, to the cent."""

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "max_digits": 14,
            "decimal_places": 2,
            "validators": [MinValueValidator(0)],
        }
        super().__init__(**{**defaults, **options})


class PercentField(models.DecimalField):  # type: ignore[type-arg]
    def __init__(self, **options: Any) -> None:
        bounds = [MinValueValidator(0), MaxValueValidator(100)]
        defaults: dict[str, Any] = {"max_digits": 5, "decimal_places": 2, "validators": bounds}
        super().__init__(**{**defaults, **options})


class PricePerKmField(models.DecimalField):  # type: ignore[type-arg]
    def __init__(self, **options: Any) -> None:
        bounds = [MinValueValidator(0)]
        defaults: dict[str, Any] = {"max_digits": 10, "decimal_places": 4, "validators": bounds}
        super().__init__(**{**defaults, **options})


# --- Who pays, and by which terms -----------------------------------------------------------------------


class Tariff(BaseModel):
    """A contract's own prices; what is left empty is as the settings say."""

    contract = models.OneToOneField(Contract, on_delete=models.CASCADE, related_name="tariff")
    base_fee = MoneyField(null=True, blank=True, help_text="Empty: INVOICE_BASE_FEE.")
    price_per_km = PricePerKmField(null=True, blank=True, help_text="Empty: INVOICE_PRICE_PER_KM.")
    tax_percent = PercentField(null=True, blank=True, help_text="Empty: INVOICE_TAX_PERCENT.")
    due_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(3650)], help_text="Empty: INVOICE_DUE_DAYS."
    )

    def __str__(self) -> str:
        return f"Tariff of {self.contract}"


class CompanyMember(BaseModel):
    """A login that sees the invoices of its company."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["company", "user"], name="company_member_once")]

    def __str__(self) -> str:
        return f"{self.user} of {self.company}"


# --- Invoices -------------------------------------------------------------------------------------------


class InvoiceCounter(models.Model):
    """The last number of a year. Locked until the invoice that takes the next one is committed, so that a
    number whose invoice never came to be is given to the next: there are no gaps."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"


class InvoiceStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    PAID = "paid", "Paid"
    OVERDUE = "overdue", "Overdue"
    VOID = "void", "Void"


UNPAID = (InvoiceStatus.PENDING, InvoiceStatus.OVERDUE)


class DistanceSource(models.TextChoices):
    ODOMETER = "odometer", "by the odometer"
    TRACK = "track", "along the recorded way"
    ESTIMATE = "estimate", "estimated"
    CORRECTED = "corrected", "corrected by hand"


class Invoice(BaseModel):
    """One trip, charged once. What it says is kept as it was issued, whatever changes later."""

    trip = models.ForeignKey(Trip, on_delete=models.PROTECT, related_name="invoices")
    invoice_number = models.CharField(max_length=32, unique=True)
    company = models.ForeignKey(
        Company, null=True, blank=True, on_delete=models.PROTECT, related_name="invoices"
    )
    contract = models.ForeignKey(
        Contract, null=True, blank=True, on_delete=models.PROTECT, related_name="invoices"
    )
    patient = models.ForeignKey(
        Patient, null=True, blank=True, on_delete=models.PROTECT, related_name="invoices"
    )
    payer_name = models.CharField(max_length=200)
    payer_address = models.TextField(blank=True)

    distance_km = models.DecimalField(max_digits=12, decimal_places=3, validators=[MinValueValidator(0)])
    distance_source = models.CharField(max_length=16, choices=DistanceSource.choices)
    base_fee = MoneyField()
    price_per_km = PricePerKmField()
    tax_percent = PercentField()
    currency = models.CharField(max_length=3)
    subtotal = MoneyField()
    tax = MoneyField()
    total = MoneyField()
    paid = MoneyField(default=Decimal(0), help_text="The sum of its payments.")

    issued_at = models.DateTimeField()
    issued_on = models.DateField(db_index=True, help_text="The day in OPERATIONS_TIME_ZONE.")
    due_date = models.DateField()
    status = models.CharField(max_length=16, choices=InvoiceStatus.choices, default=InvoiceStatus.PENDING)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When a mail server first took it.")
    reminded_at = models.DateTimeField(null=True, blank=True, help_text="When it became overdue.")
    voided_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=500, blank=True)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["status", "due_date"], name="invoice_by_status"),
            models.Index(fields=["due_date"], condition=Q(status="pending"), name="invoice_falling_due"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["trip"], condition=~Q(status="void"), name="invoice_one_per_trip"
            ),
            models.CheckConstraint(condition=Q(status__in=InvoiceStatus.values), name="invoice_status_known"),
            models.CheckConstraint(
                condition=Q(company=None, patient__isnull=False) | Q(company__isnull=False, patient=None),
                name="invoice_has_one_payer",
            ),
            models.CheckConstraint(
                condition=Q(paid__gte=0, paid__lte=F("total")), name="invoice_not_overpaid"
            ),
            models.CheckConstraint(
                condition=~Q(status="paid") | Q(paid=F("total")), name="invoice_paid_in_full"
            ),
            models.CheckConstraint(
                condition=~Q(status="void") | Q(paid=0, voided_at__isnull=False), name="invoice_void_unpaid"
            ),
        ]

    def __str__(self) -> str:
        return self.invoice_number

    def get_absolute_url(self) -> str:
        return reverse("logistics:invoice", args=[self.pk])

    @property
    def payer(self) -> Company | Patient:
        found = self.company or self.patient
        assert found is not None
        return found

    @property
    def due(self) -> Decimal:
        """What is still to be paid."""
        left: Decimal = self.total - self.paid
        return Decimal(0) if self.status == InvoiceStatus.VOID else left

    @property
    def distance_fee(self) -> Decimal:
        fee: Decimal = self.subtotal - self.base_fee
        return fee

    @property
    def is_estimated(self) -> bool:
        return self.distance_source == DistanceSource.ESTIMATE

    @property
    def is_part_paid(self) -> bool:
        return bool(0 < self.paid < self.total)


# --- Payments and mails ---------------------------------------------------------------------------------


class PaymentMethod(models.TextChoices):
    TRANSFER = "transfer", "Bank transfer"
    CARD = "card", "Card"
    CASH = "cash", "Cash"
    CHEQUE = "cheque", "Cheque"
    OTHER = "other", "Other"


class Payment(BaseModel):
    """Money that came in for one invoice; who recorded or changed it is in the audit log."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    date = models.DateField()
    method = models.CharField(max_length=16, choices=PaymentMethod.choices, default=PaymentMethod.TRANSFER)
    amount = MoneyField()
    reference = models.CharField(max_length=100, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["date", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_of_something"),
            models.CheckConstraint(condition=Q(method__in=PaymentMethod.values), name="payment_method_known"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} on {self.date}"


class MailKind(models.TextChoices):
    INVOICE = "invoice", "Invoice"
    REMINDER = "reminder", "Reminder"


class InvoiceMail(BaseModel):
    """One e-mail about an invoice; what became of it is in its letter, without which it has no address."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="mails")
    kind = models.CharField(max_length=16, choices=MailKind.choices, default=MailKind.INVOICE)
    number = models.PositiveSmallIntegerField(help_text="1 for the invoice's first mail.")
    letter = models.OneToOneField(
        Letter, null=True, blank=True, on_delete=models.PROTECT, related_name="invoice_mail"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["invoice", "number"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "number"], name="invoice_mail_once"),
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(kind="reminder"), name="invoice_reminded_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.invoice}"
