"""Payments that come in, and their corrections: the only writer of what is paid.

The invoice is locked while its payments change, so that two who write at once never take more than is due.
"""

from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from ims.accounts.models import User
from ims.lib.local_time import local_day
from logistics.billing import invoices
from logistics.billing.errors import BillingRefused
from logistics.billing.models import Invoice, InvoiceStatus, Payment, PaymentMethod
from logistics.billing.pricing import cents


@dataclass(frozen=True)
class NewPayment:
    amount: Decimal
    date: date
    method: str = PaymentMethod.TRANSFER
    reference: str = ""


@transaction.atomic
def record(
    invoice_id: int, new: NewPayment, by: User | None, at: datetime, expected_due: Decimal | None = None
) -> Payment:
    """Keep a payment. `expected_due`: what the writer saw to be due. Raises BillingRefused."""
    invoice = open_invoice(invoice_id, expected_due)
    check(invoice, new, invoice.due, at)
    payment = Payment.objects.create(
        invoice=invoice,
        amount=new.amount,
        date=new.date,
        method=new.method,
        reference=new.reference,
        recorded_by=by,
    )
    settle(invoice, at)
    return payment


@transaction.atomic
def correct(
    payment_id: int, new: NewPayment, at: datetime, expected_due: Decimal | None = None
) -> tuple[Payment, Payment]:
    """Change a payment that was recorded wrongly; returns what it was and is. Raises BillingRefused."""
    payment, invoice = of_open_invoice(payment_id, expected_due)
    before = copy(payment)
    check(invoice, new, invoice.due + payment.amount, at)
    payment.amount, payment.date = new.amount, new.date
    payment.method, payment.reference = new.method, new.reference
    payment.save()
    settle(invoice, at)
    return before, payment


@transaction.atomic
def remove(payment_id: int, at: datetime, expected_due: Decimal | None = None) -> Payment:
    """Take a payment back; what it was is returned. Raises BillingRefused."""
    payment, invoice = of_open_invoice(payment_id, expected_due)
    Payment.objects.filter(pk=payment.pk).delete()
    settle(invoice, at)
    return payment


def of_open_invoice(payment_id: int, expected_due: Decimal | None) -> tuple[Payment, Invoice]:
    invoice_id = Payment.objects.filter(pk=payment_id).values_list("invoice", flat=True).first()
    if invoice_id is not None:
        invoice = open_invoice(invoice_id, expected_due)
        payment = Payment.objects.filter(pk=payment_id).first()  # it may have gone while we waited
        if payment is not None:
            return payment, invoice
    raise BillingRefused("no_payment", "This payment was taken back meanwhile: reload the page.")


def open_invoice(invoice_id: int, expected_due: Decimal | None) -> Invoice:
    invoice = invoices.locked(invoice_id)
    if invoice.status == InvoiceStatus.VOID:
        raise BillingRefused("void", f"{invoice} is void: payments belong to the invoice that replaced it.")
    if expected_due is not None and expected_due != invoice.due:
        raise BillingRefused(
            "changed",
            f"Somebody changed the payments of {invoice} meanwhile: {invoice.due} {invoice.currency} are due"
            " now. Look whether yours is among them.",
            "expected_due",
        )
    return invoice


def check(invoice: Invoice, new: NewPayment, most: Decimal, at: datetime) -> None:
    if new.amount <= 0 or new.amount != cents(new.amount):
        raise BillingRefused("amount", "Give an amount of at least 0.01, in whole cents.", "amount")
    if new.amount > most:
        words = f"{most} {invoice.currency} are due on {invoice}" if most else f"{invoice} is paid in full"
        raise BillingRefused("overpaid", f"{new.amount} is too much: {words}.", "amount")
    if new.date > local_day(at):
        raise BillingRefused("future", "A payment's date is today or earlier.", "date")
    if new.method not in PaymentMethod.values:
        raise BillingRefused("method", f"Give one of {', '.join(PaymentMethod.values)}.", "method")


def settle(invoice: Invoice, at: datetime) -> None:
    """Add the payments up; the status follows. One that is not paid any more falls due again."""
    paid = Payment.objects.filter(invoice=invoice).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    invoice.paid = cents(paid)
    is_late = invoice.reminded_at is not None and invoice.due_date < local_day(at)
    unpaid = InvoiceStatus.OVERDUE if is_late else InvoiceStatus.PENDING
    invoice.status = InvoiceStatus.PAID if invoice.paid == invoice.total else unpaid
    invoice.save(update_fields=["paid", "status", "updated_at"])
