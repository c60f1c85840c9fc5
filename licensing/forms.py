"""What people choose and enter on the pages of licences."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ims.web import filters
from licensing.queries import STATES


class LicenceFilter(filters.Filter):
    q = filters.search(
        _("Number, exporter, port or HS code"), _("Search by number, exporter, port or HS code")
    )
    state = filters.choice(_("State"), _("All licences"), STATES.items())


class BillFilter(filters.Filter):
    q = filters.search(_("Number, company or licence"), _("Search by number, company or licence"))


class AllotmentFilter(filters.Filter):
    q = filters.search(
        _("Company, invoice, HS code or licence"), _("Search by company, invoice, HS code or licence")
    )
    open = filters.choice(_("State"), _("All allotments"), [("1", _("Still reserved"))])


class CoverForm(forms.Form):
    hs_code = forms.CharField(
        label=_("HS code"), max_length=16, help_text=_("Its beginning is enough, e.g. 1701.")
    )
    quantity = forms.DecimalField(min_value=Decimal("0.001"), max_digits=15, decimal_places=3)
    unit = forms.CharField(required=False, max_length=16, help_text=_("e.g. kg; empty: any"))
    unit_value = forms.DecimalField(
        label=_("Value of one unit, USD"),
        required=False,
        min_value=Decimal(0),
        max_digits=15,
        decimal_places=3,
        help_text=_("Then no more is offered than each licence can pay for."),
    )

    def clean_unit_value(self) -> Decimal:
        return self.cleaned_data["unit_value"] or Decimal(0)


class AllotmentForm(forms.Form):
    company = forms.CharField(max_length=200)
    description = forms.CharField(required=False, max_length=500, help_text=_("The goods."))
    port = forms.CharField(required=False, max_length=64)
    invoice = forms.CharField(required=False, max_length=64)
    expected_on = forms.DateField(
        required=False, label=_("Expected on"), widget=forms.DateInput({"type": "date"})
    )


class LineForm(forms.Form):
    """How much of one import item; the item is chosen already."""

    qty = forms.DecimalField(min_value=Decimal(0), max_digits=15, decimal_places=3)
    cif_fc = forms.DecimalField(min_value=Decimal(0), max_digits=15, decimal_places=2)

    def __init__(self, *args: Any, item: Any, **options: Any) -> None:
        super().__init__(*args, prefix=f"item-{item.pk}", **options)
        self.item = item
        names = {"qty": _("Quantity of %(item)s"), "cif_fc": _("CIF in USD of %(item)s")}
        for name, words in names.items():
            self.fields[name].widget.attrs["aria-label"] = words % {"item": item}


class BookingForm(forms.Form):
    """The bill of entry by which an allotment's goods came in."""

    number = forms.CharField(label=_("BOE number"), max_length=64)
    date = forms.DateField(label=_("BOE date"), widget=forms.DateInput({"type": "date"}))
    port = forms.CharField(required=False, max_length=64)
    exchange_rate = forms.DecimalField(
        label=_("Exchange rate, INR for one USD"),
        required=False,
        min_value=Decimal(0),
        max_digits=12,
        decimal_places=4,
    )

    def clean_exchange_rate(self) -> Decimal:
        return self.cleaned_data["exchange_rate"] or Decimal(0)


class BillForm(BookingForm):
    """A bill of entry that debits chosen items, without an allotment before it."""

    company = forms.CharField(required=False, max_length=200)


class AttachmentForm(forms.Form):
    file = forms.FileField(label=_("Paper"), help_text=_("PDF, PNG or JPEG, up to 10 MB"))
