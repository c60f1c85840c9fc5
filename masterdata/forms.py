"""What people choose on the pages of shipments."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ims.web import filters
from masterdata.carriers import COURIERS, courier_name
from masterdata.models import SlipStatus
from masterdata.queries import GROUPS


class ShipmentFilter(filters.Filter):
    q = filters.search(_("Order, recipient or tracking number"), _("Search by order, recipient or number"))
    group = filters.choice(_("Group"), _("All shipments"), GROUPS.items())
    status = filters.choice(_("Status"), _("Any status"), SlipStatus.choices)
    vendor = filters.choice(_("Courier"), _("Any courier"))

    def __init__(self, *args: Any, vendors: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["vendor"].choices += [(vendor, courier_name(vendor)) for vendor in vendors]


class CourierForm(forms.Form):
    courier = forms.ChoiceField(choices=[*COURIERS.items()])
