"""What the e-mails about invoices say: text, HTML, and the PDF. No patient's name is in any of them."""

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ims.notices.letters import Attachment, Draft
from logistics.billing.models import Invoice, InvoiceMail, InvoiceStatus, MailKind


def draft(invoice: Invoice, mail: InvoiceMail) -> Draft:
    from logistics.billing import pdf  # loads reportlab, which nothing else needs

    is_reminder = mail.kind == MailKind.REMINDER
    words = _("Reminder: invoice %(number)s") if is_reminder else _("Invoice %(number)s")
    subject = words % {"number": invoice}
    facts = {
        "subject": subject,
        "number": invoice.invoice_number,
        "due": money(invoice.due, invoice.currency),
        "total": money(invoice.total, invoice.currency),
        "is_paid": not invoice.due,
        "is_part_paid": invoice.is_part_paid,
        "is_reminder": is_reminder,
        "is_late": invoice.status == InvoiceStatus.OVERDUE,
        "issued": date_format(invoice.issued_on, "j M Y"),
        "due_date": date_format(invoice.due_date, "j M Y"),
        "bank": settings.INVOICE_BANK,
        "seller": settings.INVOICE_SELLER,
        "site_url": settings.SITE_URL,
    }
    return Draft(
        subject,
        render_to_string("logistics/mail/invoice.txt", facts),
        render_to_string("logistics/mail/invoice.html", facts),
        attachments=(Attachment(f"{invoice}.pdf", pdf.render(invoice), "application/pdf"),),
        reply_to=settings.INVOICE_SELLER_EMAIL,
    )


def money(amount: object, currency: str) -> str:
    return f"{amount:,.2f} {currency}"
