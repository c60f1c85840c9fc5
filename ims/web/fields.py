"""Form fields that more than one app needs."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from ims.lib.local_time import zone


class LocalDateTimeField(forms.DateTimeField):
    """A date and time where operations are, whatever zone Django would read it in."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(zone()):
            return super().to_python(value)
