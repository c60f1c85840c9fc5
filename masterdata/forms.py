"""What people choose on the pages of shipments."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from masterdata.carriers import COURIERS, courier_name
from masterdata.models import SlipStatus
from masterdata.queries import GROUPS


class ShipmentFilter(forms.Form):
    """The filters of the list, which live in its address; a value that is none of them counts as absent."""

    q = forms.CharField(required=False, strip=True, max_length=200)
    group = forms.ChoiceField(required=False, choices=[("", _("All shipments")), *GROUPS.items()])
    status = forms.ChoiceField(required=False, choices=[("", _("Any status")), *SlipStatus.choices])
    vendor = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, vendors: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["vendor"].choices = [("", _("Any vendor")), *((v, courier_name(v)) for v in vendors)]
        search = _("Order, recipient or tracking number")
        self.fields["q"].widget = forms.TextInput(
            {"type": "search", "placeholder": search, "aria-label": _("Search by order, recipient or number")}
        )
        for name, label in (("group", _("Group")), ("status", _("Status")), ("vendor", _("Vendor"))):
            self.fields[name].widget.attrs["aria-label"] = label

    @property
    def wanted(self) -> dict[str, str]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class CourierForm(forms.Form):
    courier = forms.ChoiceField(choices=[*COURIERS.items()])
