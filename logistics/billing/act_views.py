"""What accountants press: payments, void, reissue, send, invoice by hand. Refusals are said on the page."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ims.accounts import roles
from ims.accounts.models import User
from ims.web.access import needs_role
from ims.web.form_errors import complaint
from logistics import invoice_actions
from logistics.billing import access, views
from logistics.billing.errors import BillingRefused
from logistics.billing.forms import PaymentForm, ReasonForm, ReissueForm, RemoveForm, SendForm, TripForm
from logistics.billing.models import Invoice, Payment


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Pay, void, reissue or send."""
    invoice = for_accountant(request, pk)
    if verb not in ACTS:
        raise Http404
    return answered(request, invoice, lambda: ACTS[verb](request, invoice, cast(User, request.user)))


@require_POST
def act_on_payment(request: HttpRequest, pk: int, payment_pk: int, verb: str) -> HttpResponse:
    """Correct a payment, or take it back."""
    invoice = for_accountant(request, pk)
    payment = get_object_or_404(Payment, pk=payment_pk, invoice=invoice)
    if verb not in PAYMENT_ACTS:
        raise Http404
    return answered(request, invoice, lambda: PAYMENT_ACTS[verb](request, payment, cast(User, request.user)))


@require_POST
@needs_role(roles.ACCOUNTANT)
def new(request: HttpRequest) -> HttpResponse:
    """Invoice a completed trip by hand."""
    try:
        trip_id = checked(TripForm, request)["trip_id"]
        return redirect(invoice_actions.generate(trip_id, cast(User, request.user)))
    except BillingRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("logistics:invoices")


def for_accountant(request: HttpRequest, pk: int) -> Invoice:
    invoice = views.own(request, pk)
    if not access.may_act(cast(User, request.user)):
        raise PermissionDenied("Only accountants may do this.")
    return invoice


def answered(request: HttpRequest, invoice: Invoice, deed: Callable[[], tuple[Any, str]]) -> HttpResponse:
    """Do it and say so; a refusal is said on the page it came from."""
    try:
        where, words = deed()
    except BillingRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(invoice)
    messages.success(request, words)
    return redirect(where)


def checked(shape: Callable[..., forms.Form], request: HttpRequest) -> dict[str, Any]:
    """What was entered. Raises BillingRefused with the field and its error."""
    cleaned: dict[str, Any] = valid(shape, request).cleaned_data
    return cleaned


def valid(shape: Callable[..., Any], request: HttpRequest) -> Any:
    form = shape(request.POST)
    if not form.is_valid():
        field, words = complaint(form)
        raise BillingRefused("invalid", words, field)
    return form


# --- Each deed returns where to go and what to say --------------------------------------------------------


def pay(request: HttpRequest, invoice: Invoice, user: User) -> tuple[Any, str]:
    form = valid(PaymentForm, request)
    payment = invoice_actions.pay(invoice.pk, form.payment(), user, form.cleaned_data["expected_due"])
    invoice.refresh_from_db()
    if invoice.due:
        facts = {"amount": payment.amount, "due": invoice.due, "currency": invoice.currency}
        return invoice, _("%(amount)s %(currency)s recorded; %(due)s %(currency)s are still due.") % facts
    return invoice, _("%(number)s is paid in full.") % {"number": invoice}


def void(request: HttpRequest, invoice: Invoice, user: User) -> tuple[Any, str]:
    invoice_actions.void(invoice.pk, user, checked(ReasonForm, request)["reason"])
    return invoice, _("%(number)s is void. Its number stays.") % {"number": invoice}


def reissue(request: HttpRequest, invoice: Invoice, user: User) -> tuple[Any, str]:
    facts = checked(ReissueForm, request)
    made = invoice_actions.reissue(invoice.pk, user, facts["reason"], facts["km"])
    return made, _("%(new)s replaces %(old)s, and is on its way.") % {"new": made, "old": invoice}


def send(request: HttpRequest, invoice: Invoice, user: User) -> tuple[Any, str]:
    mail = invoice_actions.send(invoice.pk, user, checked(SendForm, request)["seen"])
    address = mail.letter.address if mail.letter else ""
    return invoice, _("On its way to %(address)s.") % {"address": address}


def correct(request: HttpRequest, payment: Payment, user: User) -> tuple[Any, str]:
    form = valid(PaymentForm, request)
    invoice_actions.correct_payment(payment, form.payment(), user, form.cleaned_data["expected_due"])
    return payment.invoice, _("The payment is corrected; what it was stays on record.")


def remove(request: HttpRequest, payment: Payment, user: User) -> tuple[Any, str]:
    invoice_actions.remove_payment(payment, user, checked(RemoveForm, request)["expected_due"])
    return payment.invoice, _("The payment is taken back; what it was stays on record.")


ACTS: dict[str, Callable[[HttpRequest, Invoice, User], tuple[Any, str]]] = {
    "pay": pay,
    "void": void,
    "reissue": reissue,
    "send": send,
}
PAYMENT_ACTS: dict[str, Callable[[HttpRequest, Payment, User], tuple[Any, str]]] = {
    "correct": correct,
    "remove": remove,
}
