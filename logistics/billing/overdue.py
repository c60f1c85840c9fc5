"""What is not paid in time."""

from datetime import datetime

from ims.lib.local_time import local_day
from logistics.billing import mails
from logistics.billing.models import Invoice, InvoiceStatus, MailKind


def past_due(at: datetime) -> list[int]:
    """The ids of the pending invoices whose last day is over, where operations are."""
    late = Invoice.objects.filter(status=InvoiceStatus.PENDING, due_date__lt=local_day(at))
    return list(late.order_by("id").values_list("pk", flat=True))


def mark(invoice_id: int, at: datetime) -> bool:
    """Make it overdue and write its one reminder; False where somebody paid, or was faster."""
    pending = Invoice.objects.filter(pk=invoice_id, status=InvoiceStatus.PENDING)
    if not pending.update(status=InvoiceStatus.OVERDUE, updated_at=at):
        return False
    if Invoice.objects.filter(pk=invoice_id, reminded_at=None).update(reminded_at=at):
        mails.write(Invoice.objects.get(pk=invoice_id), MailKind.REMINDER)
    return True
