"""The forms of the driver's and the station operator's pages."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from ims.web.fields import LocalDateTimeField
from ims.web.form_errors import complaint
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import Priority
from logistics.fleet.models import Driver, Station, Vehicle, VehicleStatus, VehicleType
from logistics.trips.forms import ReasonForm

LONGEST_SHIFT = timedelta(hours=24)


class StockRequestForm(forms.Form):
    dbs = forms.ModelChoiceField(Station.objects.none(), label=_("Station"), empty_label=None)
    requested_qty_kg = forms.DecimalField(
        label=_("Quantity"), min_value=1, max_digits=12, decimal_places=2, help_text=_("Kilograms of gas.")
    )
    priority = forms.ChoiceField(choices=Priority.choices, initial=Priority.NORMAL, label=_("Priority"))
    notes = forms.CharField(
        max_length=2000, required=False, label=_("Notes"), widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, stations: QuerySet[Station], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dbs"].queryset = stations
        if len(stations) == 1:
            self.fields["dbs"].initial = stations[0]
            self.fields["dbs"].widget = forms.HiddenInput()


class ShiftForm(forms.Form):
    vehicle = forms.ModelChoiceField(Vehicle.objects.none(), label=_("Vehicle"), empty_label=None)
    start = LocalDateTimeField(label=_("Start"))
    end = LocalDateTimeField(label=_("End"))
    is_recurring = forms.BooleanField(
        required=False, label=_("Every day"), help_text=_("Then only the times of day count.")
    )

    def __init__(self, driver: Driver, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        trucks = Vehicle.objects.filter(type=VehicleType.CASCADE_TRUCK)
        usable = trucks.exclude(status=VehicleStatus.MAINTENANCE) | Vehicle.objects.filter(drivers=driver)
        own = driver.assigned_vehicle
        if own is not None and own.ms_home_id is not None:
            usable = usable.filter(Q(ms_home=own.ms_home_id) | Q(pk=own.pk))
        self.fields["vehicle"].queryset = usable.distinct()
        self.fields["vehicle"].initial = own

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        start, end = given.get("start"), given.get("end")
        if start and end and not given.get("is_recurring"):
            if end <= start:
                self.add_error("end", _("The end must be after the start."))
            elif end - start > LONGEST_SHIFT:
                self.add_error("end", _("A shift lasts 24 hours at most: for more, tick 'Every day'."))
        return given


def reason_in(data: Mapping[str, Any]) -> str:
    """The reason that somebody gave with a button, or nothing. Raises Refused."""
    form = ReasonForm(data)
    if not form.is_valid():
        field, words = complaint(form)
        raise Refused("invalid", words, field)
    return str(form.cleaned_data["reason"])


class CompletionForm(forms.Form):
    delivered_kg = forms.DecimalField(
        label=_("Delivered"), min_value=0, max_digits=12, decimal_places=2, help_text=_("Kilograms of gas.")
    )
