"""What is taken from licences: allotments (reserved) and the rows of bills of entry (debited by customs)."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from licensing.models.fields import MoneyField, QuantityField, none_negative
from licensing.models.licences import ImportItem
from licensing.rows import LedgerRow


class Allotment(LedgerRow):
    """A private reservation of credit for goods that are on their way."""

    license_path = "items__item__license"
    inputs = ()

    company = models.CharField(max_length=200)
    description = models.CharField(max_length=500, blank=True, help_text="The goods.")
    hs_code = models.CharField("HS code", max_length=16, blank=True)
    required_quantity = QuantityField()
    unit_value = models.DecimalField(
        max_digits=15,
        decimal_places=3,
        default=Decimal(0),
        validators=[MinValueValidator(0)],
        help_text="US dollars for one unit.",
    )
    cif_fc = MoneyField(verbose_name="CIF", help_text="US dollars in all.")
    port = models.CharField(max_length=64, blank=True)
    invoice = models.CharField(max_length=64, blank=True)
    expected_on = models.DateField(null=True, blank=True, help_text="When the goods are to arrive.")

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(company=""), name="allotment_has_company"),
            none_negative("allotment_not_negative", "required_quantity", "unit_value", "cif_fc"),
        ]

    def __str__(self) -> str:
        return f"Allotment {self.pk} for {self.company}"

    def get_absolute_url(self) -> str:
        return reverse("licensing:allotment", args=[self.pk])


class AllotmentItem(LedgerRow):
    """What an allotment reserves of one import item."""

    license_path = "item__license"
    inputs = ("allotment", "item", "qty", "cif_fc")

    allotment = models.ForeignKey(Allotment, on_delete=models.CASCADE, related_name="items")
    item = models.ForeignKey(ImportItem, on_delete=models.PROTECT, related_name="allotment_items")
    qty = QuantityField(verbose_name="quantity")
    cif_fc = MoneyField(verbose_name="CIF", help_text="US dollars.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["allotment", "item"], name="item_once_per_allotment"),
            none_negative("allotment_item_not_negative", "qty", "cif_fc"),
        ]

    def __str__(self) -> str:
        return f"{self.qty} of {self.item}"


class BillOfEntry(LedgerRow):
    """A bill of entry (BOE): the customs paper by which goods came in and licences were debited."""

    license_path = "rows__item__license"
    more_license_paths = ("boe_allotments__allotment__items__item__license",)
    inputs = ()

    company = models.CharField(max_length=200, blank=True)
    number = models.CharField(max_length=64)
    date = models.DateField()
    port = models.CharField(max_length=64, blank=True)
    exchange_rate = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        default=Decimal(0),
        validators=[MinValueValidator(0)],
        help_text="Rupees for one US dollar.",
    )
    allotments = models.ManyToManyField(
        Allotment, through="BOEAllotment", related_name="bills_of_entry", blank=True
    )

    class Meta:
        verbose_name = "bill of entry"
        verbose_name_plural = "bills of entry"
        ordering = ["-date", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["number", "date", "port"], name="boe_once"),
            models.CheckConstraint(condition=~Q(number=""), name="boe_has_number"),
            none_negative("boe_not_negative", "exchange_rate"),
        ]

    def __str__(self) -> str:
        return f"BOE {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("licensing:boe", args=[self.pk])


class BOEAllotment(LedgerRow):
    """An allotment whose goods came in by this bill of entry: from now on the BOE's rows count for it."""

    license_path = "allotment__items__item__license"
    inputs = ("bill_of_entry", "allotment")

    bill_of_entry = models.ForeignKey(BillOfEntry, on_delete=models.CASCADE, related_name="boe_allotments")
    allotment = models.ForeignKey(Allotment, on_delete=models.CASCADE, related_name="boe_allotments")

    class Meta:
        verbose_name = "attached allotment"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["bill_of_entry", "allotment"], name="allotment_once_per_boe")
        ]

    def __str__(self) -> str:
        return f"{self.allotment} on {self.bill_of_entry}"


class TransactionType(models.TextChoices):
    """Only debits count; a credit row tells what the licence's exports earned already."""

    CREDIT = "C", "Credit"
    DEBIT = "D", "Debit"


class BOERow(LedgerRow):
    """One line of a bill of entry: what customs debited of one import item."""

    license_path = "item__license"
    inputs = ("item", "transaction_type", "qty", "cif_fc")

    bill_of_entry = models.ForeignKey(BillOfEntry, on_delete=models.CASCADE, related_name="rows")
    item = models.ForeignKey(ImportItem, on_delete=models.PROTECT, related_name="boe_rows")
    transaction_type = models.CharField(
        max_length=1, choices=TransactionType.choices, default=TransactionType.DEBIT
    )
    qty = QuantityField(verbose_name="quantity")
    cif_fc = MoneyField(verbose_name="CIF", help_text="US dollars.")
    cif_inr = MoneyField(verbose_name="CIF in rupees")

    class Meta:
        verbose_name = "BOE row"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(transaction_type__in=TransactionType.values), name="boe_row_type_known"
            ),
            none_negative("boe_row_not_negative", "qty", "cif_fc", "cif_inr"),
        ]

    def __str__(self) -> str:
        return f"{self.bill_of_entry}: {self.qty} of {self.item}"
