"""What every app's models share, and the audit log."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class BaseModel(models.Model):
    """A row that knows when it was made and last changed."""

    created_at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        abstract = True


class AuditLog(models.Model):
    """One control action: who did what to which object, when, and what it was before and after."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Empty for an action from the command line.",
    )
    action = models.CharField(max_length=64, help_text="e.g. schedule.stop")
    target = models.CharField(
        max_length=200, db_index=True, help_text="e.g. schedule:tracking_status_updater"
    )
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
