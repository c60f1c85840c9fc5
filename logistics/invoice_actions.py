"""What accountants do with invoices, over the API or on a page: a service and the jobs that follow.

Both are one transaction, and the audit log keeps who did it with what it was before.
"""

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib import audit
from ims.lib.models import AuditLog
from logistics import tasks
from logistics.billing import invoices, mails, payments
from logistics.billing.errors import BillingRefused
from logistics.billing.models import Invoice, InvoiceMail, Payment
from logistics.billing.payments import NewPayment


def target(invoice_id: int) -> str:
    """The invoice's name in the audit log."""
    return f"invoice:{invoice_id}"


@transaction.atomic
def generate(trip_id: int, by: User) -> Invoice:
    """Invoice a trip by hand, where the job did not. Raises BillingRefused."""
    issued = invoices.issue(trip_id, now())
    if issued.invoice is None:
        raise BillingRefused(
            "no_payer", f"Nobody pays for trip {trip_id}: give it a contract first.", "trip_id"
        )
    if issued.is_new:
        tasks.send_invoice_email.enqueue(invoice_id=issued.invoice.pk)
        audit.record("invoice.issue", target(issued.invoice.pk), by)
    return issued.invoice


@transaction.atomic
def void(invoice_id: int, by: User, reason: str) -> Invoice:
    """Raises BillingRefused."""
    invoice = invoices.void(invoice_id, now(), reason)
    audit.record("invoice.void", target(invoice_id), by, after={"reason": invoice.void_reason})
    return invoice


@transaction.atomic
def reissue(invoice_id: int, by: User, reason: str = "", km: Decimal | None = None) -> Invoice:
    """Void it unless it is, and write a new one. Raises BillingRefused."""
    new = invoices.reissue(invoice_id, now(), reason, km)
    tasks.send_invoice_email.enqueue(invoice_id=new.pk)
    audit.record("invoice.replace", target(invoice_id), by, after={"reason": reason, "by": str(new)})
    audit.record("invoice.issue", target(new.pk), by, after={"replaces": str(new.replaces)})
    return new


@transaction.atomic
def send(invoice_id: int, by: User, seen: int | None = None) -> InvoiceMail:
    """Once more, to where the payer gets mail today. Raises BillingRefused."""
    mail = mails.write_again(invoice_id, by, now(), seen)
    tasks.send_invoice_email.enqueue(invoice_id=invoice_id)
    audit.record("invoice.send", target(invoice_id), by, after={"mail": mail.number})
    return mail


# --- Payments -------------------------------------------------------------------------------------------


@transaction.atomic
def pay(invoice_id: int, new: NewPayment, by: User, expected_due: Decimal | None = None) -> Payment:
    """Raises BillingRefused."""
    payment = payments.record(invoice_id, new, by, now(), expected_due)
    audit.record("invoice.pay", target(invoice_id), by, after=facts_of(payment))
    return payment


@transaction.atomic
def correct_payment(
    payment: Payment, new: NewPayment, by: User, expected_due: Decimal | None = None
) -> Payment:
    """Raises BillingRefused."""
    before, changed = payments.correct(payment.pk, new, now(), expected_due)
    log_change("invoice.correct_payment", changed, by, facts_of(before), facts_of(changed))
    return changed


@transaction.atomic
def remove_payment(payment: Payment, by: User, expected_due: Decimal | None = None) -> None:
    """Raises BillingRefused."""
    removed = payments.remove(payment.pk, now(), expected_due)
    log_change("invoice.remove_payment", removed, by, facts_of(removed), {})


def log_change(
    action: str, payment: Payment, by: User, before: dict[str, Any], after: dict[str, Any]
) -> None:
    audit.record(action, target(payment.invoice_id), by, before=before, after=after)


def facts_of(payment: Payment) -> dict[str, str]:
    names = ("amount", "date", "method", "reference")
    return {"payment": str(payment.pk), **{name: str(getattr(payment, name)) for name in names}}


def history(invoice: Invoice) -> list[AuditLog]:
    """Who did what to it, newest first."""
    return audit.about(target(invoice.pk))
