"""Suppliers and their offers, the price requests of buyers, and what people write about them."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crossdock.keys import LONGEST, KeyField, key
from ims.lib.models import BaseModel

# --- Suppliers and offers -------------------------------------------------------------------------------


class SupplierGroup(BaseModel):
    """The suppliers that a price request asks, e.g. “ОПТ-2”."""

    name = models.CharField(max_length=200, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Supplier(BaseModel):
    supid = models.CharField(
        "code", max_length=64, unique=True, help_text="As price lists name the supplier."
    )
    name = models.CharField(max_length=200)
    groups = models.ManyToManyField(SupplierGroup, blank=True, related_name="suppliers")

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class BrandAlias(BaseModel):
    """Another name of a brand: both are one brand when prices are looked up."""

    alias = models.CharField(max_length=LONGEST, help_text="e.g. hyundai/kia/mobis")
    alias_key = KeyField(of="alias", unique=True)
    brand = models.CharField(max_length=LONGEST, help_text="e.g. hyundai/kia")
    brand_key = KeyField(of="brand", db_index=True)

    class Meta:
        ordering = ["alias"]
        verbose_name = "brand alias"
        verbose_name_plural = "brand aliases"
        constraints = [
            models.CheckConstraint(
                condition=~Q(alias_key=models.F("brand_key")), name="alias_is_another_name"
            )
        ]

    def __str__(self) -> str:
        return f"{self.alias} = {self.brand}"

    def clean(self) -> None:
        """One step from an alias to its brand, so that no chain has to be followed."""
        others = BrandAlias.objects.exclude(pk=self.pk)
        if key(self.alias) == key(self.brand):
            raise ValidationError({"alias": _("It is the brand itself: give another name of it.")})
        if others.filter(alias_key=key(self.alias)).exists():
            raise ValidationError({"alias": _("It is an alias already: change that one.")})
        if chosen := others.filter(alias_key=key(self.brand)).first():
            message = _("It is itself an alias of “%(brand)s”: give that one.")
            raise ValidationError({"brand": message % {"brand": chosen.brand}})
        if others.filter(brand_key=key(self.alias)).exists():
            raise ValidationError({"alias": _("Other aliases lead to it: give it as the brand instead.")})


class Offer(models.Model):
    """What a supplier asks for a part at the moment; a newer one takes its place."""

    supplier = models.ForeignKey(Supplier, on_delete=models.CASCADE, related_name="offers")
    brand = models.CharField(max_length=LONGEST)
    brand_key = KeyField(of="brand")
    article = models.CharField(max_length=LONGEST)
    article_key = KeyField(of="article")
    price = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(Decimal(0))])
    quantity = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(default=timezone.now, help_text="When the supplier said so.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["supplier", "brand_key", "article_key"], name="one_offer_per_supplier_and_part"
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="offer_price_not_negative"),
        ]
        indexes = [
            models.Index(fields=["article_key", "brand_key"], name="offer_part"),
            models.Index(fields=["supplier", "-updated_at"], name="offer_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.brand} {self.article}: {self.price}"


class OfferChange(models.Model):
    """Written by triggers with every change of offers or aliases; a refresh takes away what it has seen."""

    at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.at}"


class PriceView(models.Model):
    """When the view of best offers was last made anew. One row."""

    refreshed_at = models.DateTimeField()
    seconds = models.FloatField(help_text="How long that took.")
    rows = models.PositiveBigIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.refreshed_at}"


class OfferImport(BaseModel):
    """A supplier's price list that was uploaded, how far its import is, and what was wrong in it."""

    name = models.CharField(max_length=200)
    file = models.FileField(upload_to="offers", blank=True)
    supplier = models.ForeignKey(Supplier, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    report = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    job_id = models.CharField(max_length=64, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("cross_dock:offer_import", args=[self.pk])


# --- Price requests ---------------------------------------------------------------------------------------


class Status(models.TextChoices):
    PENDING = "PENDING", _("Waiting")
    RUNNING = "RUNNING", _("Running")
    SUCCESS = "SUCCESS", _("Done")
    FAILED = "FAILED", _("Failed")
    CANCELLED = "CANCELLED", _("Cancelled")


UNFINISHED = (Status.PENDING, Status.RUNNING)


class Stage(models.TextChoices):
    READING = "reading", _("Reading the file")
    PRICING = "pricing", _("Matching prices")
    WRITING = "writing", _("Writing the result")


class CrossDockTask(BaseModel):
    """A price request: a spreadsheet of parts, and the best offers for them."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    filename = models.CharField(max_length=255)
    supplier_group = models.CharField(max_length=200, help_text="The group's name when it was asked.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="cross_dock_tasks",
    )
    input_file = models.CharField(max_length=255, blank=True, help_text="Below MEDIA_ROOT; kept until done.")
    output_url = models.CharField(max_length=255, blank=True)
    error_message = models.TextField(blank=True)

    rows_total = models.PositiveIntegerField(null=True, blank=True, help_text="Known once it is read.")
    rows_done = models.PositiveIntegerField(default=0)
    rows_failed = models.PositiveIntegerField(default=0)
    rows_matched = models.PositiveIntegerField(default=0, help_text="With at least one offer.")
    stage = models.CharField(max_length=16, choices=Stage.choices, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    source = models.CharField(max_length=16, blank=True, help_text="Where prices came from: view or query.")
    source_reason = models.TextField(blank=True, help_text="Why not from the view.")
    timings = models.JSONField(default=dict, blank=True, help_text="Seconds of each stage.")

    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True, help_text="The worker's last sign of life.")
    runs = models.PositiveSmallIntegerField(default=0, help_text="Workers that began it since it was asked.")
    run_token = models.UUIDField(null=True, blank=True, help_text="Of the worker that may write.")
    job_id = models.CharField(max_length=64, blank=True)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "price request"
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="request_newest"),
            models.Index(fields=["status", "heard_at"], name="request_silent"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="request_status_known")
        ]

    def __str__(self) -> str:
        return self.filename

    def get_absolute_url(self) -> str:
        return reverse("cross_dock:task_detail", args=[self.pk])

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED

    @property
    def rows_unmatched(self) -> int:
        return max(0, self.rows_done - self.rows_matched)

    def mark_as_running(self) -> bool:
        """PENDING → RUNNING; False where it is not pending."""
        moment = timezone.now()
        return self._move((Status.PENDING,), status=Status.RUNNING, started_at=moment, heard_at=moment)

    def mark_as_success(self, output_url: str) -> bool:
        """RUNNING → SUCCESS with its result; False where somebody was faster, e.g. cancelled it."""
        done = {"percent": 100, "output_url": output_url, "error_message": "", "stage": ""}
        return self._move((Status.RUNNING,), status=Status.SUCCESS, finished_at=timezone.now(), **done)

    def mark_as_failed(self, message: str) -> bool:
        """PENDING or RUNNING → FAILED with the reason that people read."""
        return self._move(
            UNFINISHED, status=Status.FAILED, finished_at=timezone.now(), error_message=message[:2000]
        )

    def _move(self, from_: tuple[Status, ...], **values: Any) -> bool:
        """Change the row only while it is in one of these states, and of this worker where one works."""
        own = CrossDockTask.objects.filter(pk=self.pk, status__in=from_)
        if self.run_token:
            own = own.filter(run_token=self.run_token)
        moved = own.update(updated_at=timezone.now(), **values)
        if moved:
            self.refresh_from_db()
        return bool(moved)


class TaskComment(BaseModel):
    task = models.ForeignKey(CrossDockTask, on_delete=models.CASCADE, related_name="comments")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    text = models.TextField(max_length=2000)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.text[:60]

    @property
    def is_edited(self) -> bool:
        return (self.updated_at - self.created_at).total_seconds() > 1
