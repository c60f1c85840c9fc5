"""The dispatcher's forms."""

from datetime import date
from typing import Any

from django import forms
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from ims.accounts import people, roles
from ims.accounts.models import User
from ims.lib.local_time import local
from ims.web import filters
from ims.web.fields import LocalDateTimeField
from logistics.fleet.models import Driver, DriverStatus, Vehicle, VehicleStatus
from logistics.trips.models import Patient, Trip
from logistics.trips.planning import Crew


class DayFilter(filters.Filter):
    day = filters.day(_("Day"))

    def clean_day(self) -> date | None:
        """The first and last days of the calendar have no neighbour to lead to."""
        day: date | None = self.cleaned_data["day"]
        return day if day is None or 1900 <= day.year < 9999 else None


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=500, required=False)


class PatientField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic for mypy only
    """By name, which is not unique, and number."""

    def label_from_instance(self, patient: Patient) -> str:
        return f"{patient.name}, {patient.medical_record_number}"


class TripForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for mypy only
    """A patient's transport."""

    patient = PatientField(Patient.objects.all(), label=_("Patient"), empty_label=_("Choose a patient"))
    scheduled_pickup_time = LocalDateTimeField(
        label=_("Pickup at"), help_text=_("The time where operations are.")
    )

    class Meta:
        model = Trip
        fields = (
            "patient", "scheduled_pickup_time", "pickup_place", "pickup_lat", "pickup_lng", "dropoff_place",
            "dropoff_lat", "dropoff_lng", "contract", "notes",
        )  # fmt: skip
        labels = {
            "pickup_lat": _("Pickup, latitude"),
            "pickup_lng": _("Pickup, longitude"),
            "dropoff_place": _("Destination"),
            "dropoff_lat": _("Destination, latitude"),
            "dropoff_lng": _("Destination, longitude"),
        }
        widgets = {"notes": forms.Textarea({"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("pickup_place", "dropoff_place"):
            self.fields[name].required = True
        self.fields["contract"].empty_label = _("None: the patient pays")  # type: ignore[attr-defined]
        self.initial.setdefault("scheduled_pickup_time", f"{local(now()):%Y-%m-%dT%H:%M}")


class CrewForm(forms.Form):
    """Who drives a trip, in which vehicle, with whom."""

    driver = forms.ModelChoiceField(Driver.objects.none(), label=_("Driver"))
    vehicle = forms.ModelChoiceField(
        Vehicle.objects.none(), label=_("Vehicle"), required=False, empty_label=_("The driver's own")
    )
    paramedic = forms.ModelChoiceField(
        User.objects.none(), label=_("Paramedic"), required=False, empty_label=_("None")
    )

    def __init__(self, trip: Trip, *args: Any, **kwargs: Any) -> None:
        here = {"driver": trip.driver_id, "vehicle": trip.vehicle_id, "paramedic": trip.paramedic_id}
        super().__init__(*args, **{"initial": here, "auto_id": "crew_%s", **kwargs})
        drivers = Driver.objects.filter(status=DriverStatus.ACTIVE).select_related("user")
        vehicles = Vehicle.objects.exclude(status=VehicleStatus.MAINTENANCE)
        self.fields["driver"].queryset = drivers  # type: ignore[attr-defined]
        self.fields["vehicle"].queryset = vehicles  # type: ignore[attr-defined]
        self.fields["paramedic"].queryset = people.holding(roles.PARAMEDIC)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or self.cleaned_data
        driver = facts.get("driver")
        if driver and not facts.get("vehicle") and not driver.assigned_vehicle:
            self.add_error("vehicle", _("This driver has no vehicle of his own: choose one."))
        return facts

    def crew(self) -> Crew:
        facts = self.cleaned_data
        vehicle = facts["vehicle"] or facts["driver"].assigned_vehicle
        return Crew(facts["driver"], vehicle, facts["paramedic"])
