"""The e-mails about invoices, through a real mail server that refuses, hangs or drops: each at most once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils.timezone import now

from ims.notices.letters import LONGEST_SENDING, LetterError
from ims.notices.models import Letter, LetterState, Notice
from logistics import invoice_actions, tasks
from logistics.billing import invoices, mails, payments
from logistics.billing.errors import BillingRefused
from logistics.billing.mails import Outcome
from logistics.billing.models import Invoice, MailKind
from logistics.billing.payments import NewPayment
from logistics.trips.models import Patient
from scheduling import job
from scheduling.testing import drain, enqueued
from tests.logistics.billing.conftest import NOON, issue

pytestmark = pytest.mark.django_db


def send(invoice: Invoice) -> bool:
    return tasks.send_invoice_email(invoice.pk)


def outcome(invoice: Invoice, at=None) -> Outcome:
    """What became of its newest mail."""
    return mails.fate_of(invoice.mails.select_related("letter").last(), at or now()).outcome


def fail(smtp, invoice: Invoice, stage: str, reply: str) -> LetterError:
    smtp.fail(stage, reply)
    with pytest.raises(LetterError) as caught:
        send(invoice)
    return caught.value


# --- The usual road -------------------------------------------------------------------------------------


def test_a_completed_trip_ends_in_one_mail_with_the_pdf(trip, smtp, settings):
    settings.INVOICE_SELLER_EMAIL = "office@narmada.example"
    tasks.process_trip_completion.enqueue(trip_id=trip.pk)
    drain()
    (received,) = [each for each in smtp.letters if "Invoice" in each.message["Subject"]]
    invoice = Invoice.objects.get()
    assert received.recipients == ["asha@example.com"]
    assert received.message["Subject"] == "Invoice INV-2026-000001"
    assert received.message["Reply-To"] == "office@narmada.example"
    (attached,) = received.message.iter_attachments()
    assert attached.get_filename() == "INV-2026-000001.pdf"
    assert attached.get_content().startswith(b"%PDF-")
    assert "86.25 USD" in received.message.get_body(("plain",)).get_content()
    assert invoice.sent_at is not None
    assert outcome(invoice) == Outcome.SENT


def test_a_company_gets_it_at_its_billing_address_without_the_patients_name(completed, contract, smtp):
    invoice = issue(completed(contract=contract))
    assert send(invoice) is True
    (received,) = smtp.letters
    assert received.recipients == ["billing@care.example"]
    for part in received.message.walk():
        if part.get_content_maintype() == "text":
            assert "Asha" not in part.get_content()


def test_a_second_time_sends_nothing(invoice, smtp):
    assert send(invoice) is True
    assert send(invoice) is False
    assert len(smtp.letters) == 1


# --- A server that refuses, hangs, drops ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        ("CONNECT", "hang"),
        ("CONNECT", "421 Busy"),
        ("RCPT", "450 Later"),
        ("DATA", "hang"),
        ("BODY", "452 Full"),
    ],
)
def test_a_passing_fault_is_shown_and_tried_again(invoice, smtp, stage, reply):
    error = fail(smtp, invoice, stage, reply)
    assert error.permanent is False  # so the engine tries again, later and later
    assert outcome(invoice) == Outcome.RETRYING
    assert not Notice.objects.exists()
    assert send(invoice) is True
    assert (len(smtp.letters), outcome(invoice)) == (1, Outcome.SENT)


def test_the_engine_retries_with_growing_pauses(invoice, smtp):
    smtp.fail("RCPT", "450 Later", times=2)
    handle = tasks.send_invoice_email.enqueue(invoice_id=invoice.pk)
    drain()
    assert job(handle.id).state == "retrying"
    assert (tasks.MAIL.attempts, tasks.MAIL.delay, tasks.MAIL.factor) == (8, 60, 3)


@pytest.mark.parametrize("fault", ["hang", "drop"])
def test_where_it_was_perhaps_taken_nobody_sends_a_second_one_but_people(
    invoice, smtp, accountant, settings, fault
):
    """Accepted and dropped: the letter arrived, its receipt did not."""
    assert fail(smtp, invoice, "BODY", fault).permanent is True
    assert send(invoice) is False
    assert len(smtp.letters) == 1
    assert outcome(invoice) == Outcome.UNKNOWN
    assert Notice.objects.get(user=accountant).title == "INV-2026-000001 was not sent"
    invoice_actions.send(invoice.pk, accountant)
    assert send(invoice) is True
    assert (len(smtp.letters), outcome(invoice)) == (2, Outcome.SENT)


def test_a_refusal_for_good_is_shown_with_its_reason(invoice, smtp, accountant):
    assert fail(smtp, invoice, "RCPT", "550 No such mailbox").permanent is True
    mail = invoice.mails.select_related("letter").get()
    assert mails.fate_of(mail, now()) == mails.Fate(
        Outcome.FAILED, "The mail server said 550 No such mailbox"
    )
    assert Notice.objects.filter(user=accountant).count() == 1


def test_after_the_last_try_it_has_failed(invoice, smtp, accountant):
    for _ in range(mails.MOST_TRIES):
        fail(smtp, invoice, "RCPT", "450 Later")
    assert outcome(invoice) == Outcome.FAILED
    assert Notice.objects.filter(user=accountant).count() == 1


def test_a_worker_that_died_while_sending_leaves_an_unknown_outcome(invoice, smtp, accountant):
    """The engine gives its job to another, which waits until it is certain, and tells people."""
    mails.ensure_first(invoice.pk)
    Letter.objects.update(state=LetterState.SENDING, updated_at=now())
    with pytest.raises(mails.InHand) as caught:
        send(invoice)
    assert caught.value.permanent is False
    assert outcome(invoice) == Outcome.SENDING
    Letter.objects.update(updated_at=now() - LONGEST_SENDING)
    assert outcome(invoice) == Outcome.UNKNOWN  # also before any job has looked
    assert send(invoice) is False
    assert Letter.objects.get().state == LetterState.UNSURE
    assert Notice.objects.filter(user=accountant).count() == 1
    assert not smtp.letters


def test_a_worker_that_died_right_after_the_yes_is_made_good(invoice, smtp):
    send(invoice)
    Invoice.objects.update(sent_at=None)
    assert send(invoice) is False
    invoice.refresh_from_db()
    assert invoice.sent_at == Letter.objects.get().sent_at


def test_a_mail_that_every_job_forgot_is_found_the_next_night(invoice):
    mails.ensure_first(invoice.pk)
    later = now() + timedelta(days=1, minutes=1)
    assert mails.forgotten(now()) == []
    assert mails.forgotten(later) == [invoice.pk]


# --- People ---------------------------------------------------------------------------------------------


def test_a_payer_without_an_address_is_shown_and_served_later(invoice, smtp, accountant):
    Patient.objects.update(email="", user=None)
    assert send(invoice) is False
    assert outcome(invoice) == Outcome.FAILED
    with pytest.raises(BillingRefused, match="has no e-mail address: enter one first"):
        invoice_actions.send(invoice.pk, accountant)
    Patient.objects.update(email="new@example.com")
    invoice_actions.send(invoice.pk, accountant)
    send(invoice)
    assert [each.recipients for each in smtp.letters] == [["new@example.com"]]


def test_two_who_press_resend_at_once_send_it_once_more(invoice, smtp, accountant):
    send(invoice)
    invoice_actions.send(invoice.pk, accountant, seen=1)
    with pytest.raises(BillingRefused, match="just sent it"):
        invoice_actions.send(invoice.pk, accountant, seen=1)
    with pytest.raises(BillingRefused, match="is on its way"):
        invoice_actions.send(invoice.pk, accountant)
    send(invoice)
    assert len(smtp.letters) == 2


def test_resend_while_it_is_retried_goes_to_todays_address_at_once(invoice, smtp, accountant):
    fail(smtp, invoice, "RCPT", "450 Later")
    Patient.objects.update(email="new@example.com")
    invoice_actions.send(invoice.pk, accountant)
    send(invoice)
    assert [each.recipients for each in smtp.letters] == [["new@example.com"]]
    assert [mails.fate_of(each, now()).outcome for each in invoice.mails.all()] == ["dropped", "sent"]


def test_a_mail_of_a_void_invoice_is_not_sent(invoice, smtp):
    mails.ensure_first(invoice.pk)
    invoices.void(invoice.pk, NOON, "misread")
    assert send(invoice) is False
    assert (smtp.letters, outcome(invoice)) == ([], Outcome.DROPPED)


# --- Reminders ------------------------------------------------------------------------------------------


def make_overdue(invoice: Invoice) -> None:
    Invoice.objects.filter(pk=invoice.pk).update(due_date=NOON.date() - timedelta(days=10_000))


def test_an_overdue_invoice_is_reminded_of_once(invoice, smtp):
    send(invoice)
    make_overdue(invoice)
    for _ in range(3):
        tasks.process_overdue_invoices()
    drain()
    subjects = [each.message["Subject"] for each in smtp.letters]
    assert subjects == ["Invoice INV-2026-000001", "Reminder: invoice INV-2026-000001"]
    assert invoice.mails.filter(kind=MailKind.REMINDER).count() == 1


def test_the_night_says_how_many_it_marked(invoice):
    assert tasks.process_overdue_invoices() == {"overdue_count": 0}
    make_overdue(invoice)
    assert tasks.process_overdue_invoices() == {"overdue_count": 1}
    assert enqueued(tasks.send_invoice_email) == [{"invoice_id": invoice.pk}]


def test_who_pays_before_the_reminder_goes_out_gets_none(invoice, smtp):
    send(invoice)
    make_overdue(invoice)
    tasks.process_overdue_invoices()
    payments.record(invoice.pk, NewPayment(Decimal("86.25"), NOON.date()), None, NOON)
    drain()
    assert len(smtp.letters) == 1
    assert outcome(invoice) == Outcome.DROPPED
