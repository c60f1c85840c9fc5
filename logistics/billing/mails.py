"""The e-mails about invoices, each at most once, and what became of them.

A mail is a row in the transaction of whoever wants it; the job sends what waits. Which mail is claimed, taken
or of unknown fate is its letter's matter (ims.notices.letters): one that a server may have taken is never
sent again by itself, people decide.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ims.accounts import people, roles
from ims.accounts.models import User
from ims.notices import kinds, letters
from ims.notices import services as notices
from ims.notices.letters import LONGEST_SENDING, LetterError, died
from ims.notices.models import Letter, LetterState
from logistics.billing import invoices, letter, payers
from logistics.billing.errors import BillingRefused
from logistics.billing.models import Invoice, InvoiceMail, InvoiceStatus, MailKind

MOST_TRIES = 8  # the job's attempts: about ten hours
NOTICE = "billing.mail"


class InHand(LetterError):
    """Another job is sending it, or has died doing so: looked at again until that is clear."""


class Outcome(StrEnum):
    """What became of a mail, as accountants see it."""

    WAITING = "waiting"
    RETRYING = "retrying"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    DROPPED = "dropped"


IN_HAND = (Outcome.WAITING, Outcome.SENDING)


@dataclass(frozen=True)
class Fate:
    outcome: Outcome
    why: str = ""


def register_kind() -> None:
    kinds.add(kinds.Kind(NOTICE, gettext_lazy("Invoice not sent"), (roles.ACCOUNTANT,), "fail"))


# --- Wanting mails --------------------------------------------------------------------------------------


def write(invoice: Invoice, kind: MailKind = MailKind.INVOICE, by: User | None = None) -> InvoiceMail:
    """One more mail, to where the payer gets mail today. Call it in the transaction of its job."""
    number = InvoiceMail.objects.filter(invoice=invoice).count() + 1
    address = payers.email_of(invoice)
    envelope = letters.write(address, f"invoice-{invoice.pk}-{number}") if address else None
    return InvoiceMail.objects.create(invoice=invoice, kind=kind, number=number, letter=envelope, asked_by=by)


@transaction.atomic
def write_again(invoice_id: int, by: User | None, at: datetime, seen: int | None = None) -> InvoiceMail:
    """Because somebody asks for it, having seen so many mails; one that is retried gives way to the new one.
    Raises BillingRefused."""
    invoice = invoices.locked(invoice_id)
    if invoice.status == InvoiceStatus.VOID:
        raise BillingRefused("void", f"{invoice} is void: send the invoice that replaced it.")
    sent = list(invoice.mails.select_related("letter"))
    if seen is not None and seen != len(sent):
        raise BillingRefused("changed", "Somebody else has just sent it: reload the page.", "seen")
    if not payers.email_of(invoice):
        raise BillingRefused("no_address", f"{invoice.payer_name} has no e-mail address: enter one first.")
    if not sent or not all(gives_way(each, at) for each in sent):
        raise BillingRefused("in_hand", f"A mail of {invoice} is on its way: wait for what becomes of it.")
    return write(invoice, MailKind.INVOICE, by)


def gives_way(mail: InvoiceMail, at: datetime) -> bool:
    """Whether it is over, or is retried and can be dropped; not while it is on its way."""
    outcome = fate_of(mail, at).outcome
    if outcome == Outcome.RETRYING and mail.letter is not None:
        return letters.drop(mail.letter, _("Sent anew by hand."))
    return outcome not in IN_HAND


# --- Sending them ---------------------------------------------------------------------------------------


def send_waiting(invoice_id: int) -> bool:
    """Send an invoice's mails that wait, its first one included; whether any went out. Raises LetterError."""
    ensure_first(invoice_id)
    unsettled = [LetterState.WAITING, LetterState.SENDING, LetterState.SENT]
    found = InvoiceMail.objects.filter(invoice=invoice_id, letter__state__in=unsettled)
    went_out, problem = False, None
    for mail in found.select_related("letter"):
        try:
            went_out |= send(mail)
        except LetterError as error:
            problem = error
    if problem is not None:
        raise problem
    return went_out


@transaction.atomic
def ensure_first(invoice_id: int) -> None:
    invoice = invoices.locked(invoice_id)
    if not invoice.mails.exists():
        mail = write(invoice)
        if mail.letter is None:
            tell_accountants(mail, _("The payer has no e-mail address."))


def send(mail: InvoiceMail) -> bool:
    envelope = mail.letter
    assert envelope is not None
    invoice = Invoice.objects.select_related("company", "contract", "patient", "trip__vehicle").get(
        pk=mail.invoice_id
    )
    if envelope.state == LetterState.SENDING:
        return settle(mail, envelope, now())
    if reason := not_needed(invoice, mail):
        letters.drop(envelope, reason)
        return False
    try:
        went_out = envelope.state == LetterState.WAITING and letters.send(
            envelope, letter.draft(invoice, mail)
        )
    except LetterError:
        envelope.refresh_from_db()
        if (fate := fate_of(mail, now())).outcome in (Outcome.UNKNOWN, Outcome.FAILED):
            tell_accountants(mail, fate.why)
        raise
    envelope.refresh_from_db()
    if envelope.sent_at:  # also where a worker died right after the server took it
        Invoice.objects.filter(pk=invoice.pk, sent_at=None).update(sent_at=envelope.sent_at)
    return went_out


def settle(mail: InvoiceMail, envelope: Letter, at: datetime) -> bool:
    """Of one that is being sent: after a while it is certain that nobody does any more."""
    if envelope.updated_at >= at - LONGEST_SENDING:
        raise InHand("Another job is sending it, or has died doing so.", permanent=False)
    if letters.doubt(envelope, died()):
        tell_accountants(mail, died())
    return False


def not_needed(invoice: Invoice, mail: InvoiceMail) -> str:
    if invoice.status == InvoiceStatus.VOID:
        return "The invoice was voided before its mail went out."
    if mail.kind == MailKind.REMINDER and invoice.status == InvoiceStatus.PAID:
        return "The invoice was paid before the reminder went out."
    return ""


def tell_accountants(mail: InvoiceMail, why: str) -> None:
    title = _("%(number)s was not sent") % {"number": mail.invoice.invoice_number}
    notices.notify(
        people.holding(roles.ACCOUNTANT),
        NOTICE,
        title,
        why,
        mail.invoice.get_absolute_url(),
        key=f"invoice-{mail.invoice_id}-{mail.number}",
    )


def forgotten(at: datetime) -> list[int]:
    """Invoices with a mail that no job has brought to its end for a day: the net below the jobs."""
    old = {"created_at__lt": at - timedelta(days=1), "letter__updated_at__lt": at - timedelta(days=1)}
    unsettled = [LetterState.WAITING, LetterState.SENDING]
    waiting = InvoiceMail.objects.filter(letter__state__in=unsettled, letter__attempts__lt=MOST_TRIES, **old)
    return sorted(set(waiting.values_list("invoice", flat=True)))


# --- What became of them --------------------------------------------------------------------------------


def fate_of(mail: InvoiceMail, at: datetime) -> Fate:
    """As words for people; the reason where there is one."""
    envelope = mail.letter
    if envelope is None:
        return Fate(Outcome.FAILED, _("The payer has no e-mail address: enter one, then send it again."))
    if envelope.state == LetterState.SENDING and envelope.updated_at < at - LONGEST_SENDING:
        return Fate(Outcome.UNKNOWN, died())
    if envelope.state == LetterState.WAITING and envelope.attempts:
        gave_up = envelope.attempts >= MOST_TRIES
        return Fate(Outcome.FAILED if gave_up else Outcome.RETRYING, envelope.error)
    return Fate(OUTCOMES[LetterState(envelope.state)], envelope.error)


OUTCOMES = {
    LetterState.WAITING: Outcome.WAITING,
    LetterState.SENDING: Outcome.SENDING,
    LetterState.SENT: Outcome.SENT,
    LetterState.UNSURE: Outcome.UNKNOWN,
    LetterState.REFUSED: Outcome.FAILED,
    LetterState.DROPPED: Outcome.DROPPED,
}


def in_trouble(at: datetime) -> Q:
    """Of mails: those that a person should look at."""
    states = [LetterState.UNSURE, LetterState.REFUSED]
    lost = Q(letter__state=LetterState.SENDING, letter__updated_at__lt=at - LONGEST_SENDING)
    retried = Q(letter__state=LetterState.WAITING, letter__attempts__gt=0)
    return Q(letter=None) | Q(letter__state__in=states) | lost | retried
