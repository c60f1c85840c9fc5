"""What every app's uploads share; a subclass is a table of that app."""

from django.conf import settings
from django.db import models

from ims.lib.models import BaseModel


class SheetUpload(BaseModel):
    """An uploaded spreadsheet: what it would do, then what it did."""

    name = models.CharField(max_length=200)
    file = models.FileField(upload_to="imports", blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    report = models.JSONField(default=dict)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    job_id = models.CharField(max_length=64, blank=True)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name
