"""Invoices: made at a trip's end, mailed, and overdue the day after they were due."""

from datetime import datetime

from django.db import transaction
from django.utils.timezone import now

from logistics.billing import invoices, mails, overdue
from logistics.tasks.policy import MAIL, PUSH, ZONE
from scheduling import LOW, NORMAL, task


@task(queue=NORMAL, timeout=120, retries=PUSH, name="billing.generate_invoice")
@transaction.atomic
def generate_invoice(trip_id: int) -> int | None:
    """Invoice a completed trip unless that was done; returns the invoice, None where nobody is to pay."""
    issued = invoices.issue(trip_id, now())
    if issued.invoice and issued.is_new:
        send_invoice_email.enqueue(invoice_id=issued.invoice.pk)
    return issued.invoice.pk if issued.invoice else None


@task(queue=LOW, timeout=90, retries=MAIL, name="billing.send_invoice_email")
def send_invoice_email(invoice_id: int) -> bool:
    """Send what waits of an invoice's e-mails, with the PDF; whether any went out now."""
    return mails.send_waiting(invoice_id)


@task(queue=LOW, timeout=600, cron="0 2 * * *", tz=ZONE, unique=True, name="billing.process_overdue_invoices")
def process_overdue_invoices() -> dict[str, int]:
    """Each night: what was due yesterday is overdue, and its payer is reminded once."""
    at = now()
    send_invoice_email.enqueue_many([{"invoice_id": pk} for pk in mails.forgotten(at)])
    return {"overdue_count": sum(make_overdue(pk, at) for pk in overdue.past_due(at))}


@transaction.atomic
def make_overdue(invoice_id: int, at: datetime) -> bool:
    if marked := overdue.mark(invoice_id, at):
        send_invoice_email.enqueue(invoice_id=invoice_id)
    return marked
