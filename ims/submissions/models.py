"""What was sent lately and made something."""

from django.db import models
from django.utils import timezone


class Submission(models.Model):
    """A form or request that was done, and its answer: who sends it again is given that."""

    key = models.CharField(max_length=64, unique=True, help_text="Of the person, the address and his key.")
    content = models.CharField(max_length=64, help_text="A digest of what was sent.")
    status = models.PositiveSmallIntegerField(default=0, help_text="HTTP's.")
    answer = models.TextField(help_text="Of a page: where it led; else the body.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.created_at:%Y-%m-%d %H:%M}"
