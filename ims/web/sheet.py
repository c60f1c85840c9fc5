"""What the sheet of components shows."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.utils import timezone

STATES = ("waiting", "scheduled", "running", "retrying", "paused", "late", "succeeded", "failed", "cancelled")


class SampleForm(forms.Form):
    name = forms.CharField(help_text="As the shop writes it.")
    interval = forms.IntegerField(min_value=5, help_text="Minutes between two runs.")
    group = forms.ChoiceField(choices=[("eu", "Europe"), ("jp", "Japan")], required=False)
    note = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    file = forms.FileField(required=False)
    urgent = forms.BooleanField(required=False)
    way = forms.ChoiceField(choices=[("road", "Road"), ("rail", "Rail")], widget=forms.RadioSelect)


def sample() -> dict[str, Any]:
    now = timezone.now()
    form = SampleForm({"interval": "0", "way": "road"})
    form.add_error(None, "This supplier has no prices. Choose another group.")
    return {
        "form": form,
        "states": STATES,
        "levels": ("success", "info", "warning", "error"),
        "started": now - timedelta(seconds=72),
        "long_ago": now - timedelta(days=100),
        "hours_ago": now - timedelta(hours=5),
        "expires": now + timedelta(seconds=95),
        "next_run": now + timedelta(minutes=12),
        "series": series(int(now.timestamp())),
        "trip": TRIP,
        "page_obj": Paginator(range(1143), 50).page(2),
    }


def series(until: int) -> list[list[int]]:
    minutes = range(60)
    return [
        [until - 60 * (59 - minute) for minute in minutes],
        [250 + minute * 37 % 190 for minute in minutes],
        [int(minute in (20, 45)) for minute in minutes],
    ]


TRIP = {
    "plan": [[22.31, 73.18], [22.42, 73.07], [22.56, 72.95]],
    "track": [[22.31, 73.18], [22.36, 73.12], [22.42, 73.07]],
    "stations": [
        {"name": "Vadodara MS", "lat": 22.31, "lng": 73.18},
        {"name": "Anand DBS", "lat": 22.56, "lng": 72.95},
    ],
    "vehicle": "GJ-06-TC-4471, 46 km/h",
}
