"""Words and colours of invoices and their mails.

{% badge invoice|invoice_state invoice|invoice_words %}  {{ invoice.total|money }}
"""

from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ims.lib.local_time import local_day
from ims.lib.models import AuditLog
from ims.web.templatetags.ims import MISSING
from logistics.billing.mails import Fate, Outcome
from logistics.billing.models import Invoice, InvoiceStatus

register = template.Library()

STATES = {
    InvoiceStatus.PENDING: "run",
    InvoiceStatus.PAID: "ok",
    InvoiceStatus.OVERDUE: "fail",
    InvoiceStatus.VOID: "wait",
}
FATES = {
    Outcome.WAITING: "wait",
    Outcome.SENDING: "run",
    Outcome.RETRYING: "retry",
    Outcome.SENT: "ok",
    Outcome.UNKNOWN: "retry",
    Outcome.FAILED: "fail",
    Outcome.DROPPED: "wait",
}
DEEDS = {
    "invoice.issue": "Issued by hand",
    "invoice.void": "Made void",
    "invoice.replace": "Replaced",
    "invoice.send": "Sent again",
    "invoice.pay": "Payment recorded",
    "invoice.correct_payment": "Payment corrected",
    "invoice.remove_payment": "Payment taken back",
}


@register.filter
def invoice_state(invoice: Invoice) -> str:
    return STATES[InvoiceStatus(invoice.status)]


@register.filter
def invoice_words(invoice: Invoice) -> str:
    if invoice.is_part_paid and invoice.status == InvoiceStatus.PENDING:
        return _("Paid in part")
    return str(invoice.get_status_display())


@register.filter
def due_words(invoice: Invoice) -> str:
    """How far the due date is, while that matters."""
    if not invoice.due:
        return ""
    days = (invoice.due_date - local_day(timezone.now())).days
    if days == 0:
        return _("today")
    return _("in %(n)s d") % {"n": days} if days > 0 else _("%(n)s d ago") % {"n": -days}


@register.filter
def fate_state(fate: Fate) -> str:
    return FATES[fate.outcome]


@register.filter
def fate_words(fate: Fate) -> str:
    return {
        Outcome.WAITING: _("Waiting"),
        Outcome.SENDING: _("Being sent"),
        Outcome.RETRYING: _("Retrying"),
        Outcome.SENT: _("Sent"),
        Outcome.UNKNOWN: _("Outcome unknown"),
        Outcome.FAILED: _("Not sent"),
        Outcome.DROPPED: _("Not needed"),
    }[fate.outcome]


@register.filter
def fate_word(fate: Fate) -> str:
    """The same for a narrow column under the heading Mail."""
    return _("Unknown") if fate.outcome == Outcome.UNKNOWN else fate_words(fate)


@register.filter
def deed_words(entry: AuditLog) -> str:
    """What somebody did, with what it was and is."""
    words = _(DEEDS.get(entry.action, entry.action))
    before, after = (payment_words(each) for each in (entry.before, entry.after))
    if before and after:
        return f"{words}: {before} → {after}"
    return f"{words}: {before or after}" if before or after else words


def payment_words(facts: dict[str, Any]) -> str:
    names = ("amount", "date", "method", "reference", "reason", "by", "replaces", "replaced_by")
    return ", ".join(str(facts[name]) for name in names if facts.get(name))


@register.filter
def money(amount: Decimal | None) -> str:
    return MISSING if amount is None else f"{amount:,.2f}"


@register.filter
def rate(value: Decimal | None) -> str:
    """A price of something, with at least two places."""
    if value is None:
        return MISSING
    return f"{value:,.2f}" if value == round(value, 2) else km(value)


@register.filter
def km(value: Decimal | None) -> str:
    """Kilometres without zeros at their end."""
    return MISSING if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


@register.filter
def day(value: date | None) -> str:
    return MISSING if value is None else date_format(value, "j M Y")
