"""What people choose and enter on the pages of invoices."""

from typing import Any

from django import forms
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from ims.lib.ids import LARGEST_ID
from ims.lib.local_time import local_day
from ims.lib.words import Words
from ims.web import filters
from logistics.billing.models import Invoice, Payment, PaymentMethod
from logistics.billing.payments import NewPayment
from logistics.billing.queries import STATES

DAY = {"type": "date"}


class InvoiceFilter(filters.Filter):
    q = filters.search(_("Number, payer or trip"), _("Search by number, payer or trip"))
    status = filters.choice(_("State"), _("All invoices"), STATES.items())
    since = filters.day(_("Issued since"))
    until = filters.day(_("Issued until"))


class PaymentForm(forms.Form):
    """Money that came in. `expected_due`: what the page showed to be due."""

    amount = forms.DecimalField(label=_("Amount"), min_value=0, max_digits=14, decimal_places=2)
    date = forms.DateField(label=_("Date"), widget=forms.DateInput(DAY, format="%Y-%m-%d"))
    method = forms.ChoiceField(label=_("Method"), choices=PaymentMethod.choices)
    reference = forms.CharField(label=_("Reference"), required=False, max_length=100)
    expected_due = forms.DecimalField(widget=forms.HiddenInput)

    @classmethod
    def of(cls, invoice: Invoice, payment: Payment | None = None) -> "PaymentForm":
        """To fill in: for what is still due, or with a payment that is to be corrected."""
        initial: dict[str, Any] = {"expected_due": invoice.due}
        if payment is None:
            initial |= {"amount": invoice.due, "date": local_day(now()), "method": PaymentMethod.TRANSFER}
        else:
            names = ("amount", "date", "method", "reference")
            initial |= {name: getattr(payment, name) for name in names}
        return cls(initial=initial, auto_id=f"payment{payment.pk if payment else ''}_%s")

    def payment(self) -> NewPayment:
        facts = {name: value for name, value in self.cleaned_data.items() if name != "expected_due"}
        return NewPayment(**facts)


class RemoveForm(forms.Form):
    expected_due = forms.DecimalField(widget=forms.HiddenInput)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, help_text=_("It stays with the number, for the books.")
    )


class ReissueForm(ReasonForm):
    km = forms.DecimalField(
        label=_("Distance, km"),
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=3,
        help_text=_("Empty: by the odometer if it is known by now, else as before."),
    )


class SendForm(forms.Form):
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


def trip_number(help_text: Words) -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Number of the trip"), min_value=1, max_value=LARGEST_ID, help_text=help_text
    )


class PriceForm(forms.Form):
    trip_id = trip_number(_("It stands on the trip's page and on its invoices."))


class TripForm(forms.Form):
    trip_id = trip_number(_("A completed trip without an invoice."))
