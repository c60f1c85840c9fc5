"""What is on record about licences: who changed which row, syncs, papers, uploaded spreadsheets."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from ims.imports.models import SheetUpload
from ims.lib.models import BaseModel
from licensing.models.ledger import BillOfEntry
from licensing.models.licences import License


class LedgerChange(models.Model):
    """One ledger row of a licence was added, changed or deleted: by whom, when, from what to what."""

    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField(default=timezone.now)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    action = models.CharField(max_length=16, help_text="added, changed or deleted")
    row = models.CharField(max_length=64, help_text="e.g. BOE row 12")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["license", "-at"], name="change_newest")]

    def __str__(self) -> str:
        return f"{self.row} {self.action}"


class SyncRun(models.Model):
    """One recalculation of all licences: how far it is, and what it found."""

    job_id = models.CharField(max_length=64, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    is_dry = models.BooleanField(default=False, help_text="Only tells what would change.")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    report = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Sync of {self.created_at:%Y-%m-%d %H:%M}"


class Attachment(BaseModel):
    """A scanned paper of a licence or of a bill of entry."""

    license = models.ForeignKey(
        License, null=True, blank=True, on_delete=models.CASCADE, related_name="attachments"
    )
    bill_of_entry = models.ForeignKey(
        BillOfEntry, null=True, blank=True, on_delete=models.CASCADE, related_name="attachments"
    )
    name = models.CharField(max_length=200)
    file = models.FileField(upload_to="licences")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(license=None, bill_of_entry__isnull=False)
                | Q(license__isnull=False, bill_of_entry=None),
                name="attachment_of_one",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("licensing:attachment", args=[self.pk])


class SheetImport(SheetUpload):
    """An uploaded spreadsheet of licences, BOEs or allotments: what it would do, then what it did."""

    kind = models.CharField(max_length=16)

    def get_absolute_url(self) -> str:
        return reverse("licensing:import", args=[self.pk])
