"""Which folder holds the uploads: the one with this mark in it, on whichever machine."""

from django.db import models
from django.utils import timezone


class UploadFolder(models.Model):
    """One row. The file with the same mark lies in MEDIA_ROOT of every machine that shares the storage."""

    mark = models.CharField(max_length=32)
    marked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_folder_of_uploads")]

    def __str__(self) -> str:
        return self.mark
