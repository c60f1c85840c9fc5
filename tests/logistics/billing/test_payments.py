"""Payments: in parts, never too much, and correctable with what they were on record."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics import invoice_actions
from logistics.billing import invoices, overdue, payments
from logistics.billing.errors import BillingRefused
from logistics.billing.models import Invoice, Payment
from logistics.billing.payments import NewPayment
from tests.logistics.billing.conftest import NOON

pytestmark = pytest.mark.django_db


def paid(amount: str, **facts: object) -> NewPayment:
    return NewPayment(**{"amount": Decimal(amount), "date": NOON.date(), **facts})


def record(invoice: Invoice, amount: str, **facts: object) -> Payment:
    return payments.record(invoice.pk, paid(amount), None, NOON, **facts)


def state(invoice: Invoice) -> tuple[str, str]:
    invoice.refresh_from_db()
    return invoice.status, str(invoice.due)


def test_parts_add_up_to_paid(invoice):
    record(invoice, "40")
    assert state(invoice) == ("pending", "46.25")
    record(invoice, "46.25")
    assert state(invoice) == ("paid", "0.00")


def test_too_much_is_refused_with_what_is_due(invoice):
    record(invoice, "40")
    with pytest.raises(BillingRefused, match=r"46\.26 is too much: 46\.25 USD are due on INV-2026-000001"):
        record(invoice, "46.26")
    record(invoice, "46.25")
    with pytest.raises(BillingRefused, match="INV-2026-000001 is paid in full"):
        record(invoice, "0.01")


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (paid("0"), "at least 0.01"),
        (paid("-5"), "at least 0.01"),
        (paid("1.005"), "whole cents"),
        (paid("1", date=NOON.date() + timedelta(days=1)), "today or earlier"),
        (paid("1", method="shells"), "Give one of transfer, card"),
    ],
)
def test_what_is_no_payment_is_refused(invoice, new, words):
    with pytest.raises(BillingRefused, match=words):
        payments.record(invoice.pk, new, None, NOON)
    assert not Payment.objects.exists()


def test_who_saw_another_amount_due_is_told(invoice):
    """Two accountants with the same page open: the second looks again before it counts twice."""
    seen = invoice.due
    record(invoice, "40", expected_due=seen)
    with pytest.raises(BillingRefused, match=r"meanwhile: 46\.25 USD are due now"):
        record(invoice, "40", expected_due=seen)
    assert state(invoice) == ("pending", "46.25")


def test_a_correction_makes_it_due_again_and_leaves_a_trail(invoice, accountant):
    payment = record(invoice, "86.25")
    invoice_actions.correct_payment(payment, paid("68.25", reference="NEFT 7"), accountant)
    assert state(invoice) == ("pending", "18.00")
    entry = invoice_actions.history(invoice)[0]
    assert (entry.user, entry.before["amount"], entry.after["amount"]) == (accountant, "86.25", "68.25")
    with pytest.raises(BillingRefused, match=r"86\.26 is too much: 86\.25 USD"):
        payments.correct(payment.pk, paid("86.26"), NOON)


def test_a_payment_taken_back_leaves_a_trail_and_is_gone_for_the_second_who_tries(invoice, accountant):
    payment = record(invoice, "86.25")
    invoice_actions.remove_payment(payment, accountant)
    assert state(invoice) == ("pending", "86.25")
    assert invoice_actions.history(invoice)[0].before["amount"] == "86.25"
    with pytest.raises(BillingRefused, match="taken back meanwhile"):
        payments.remove(payment.pk, now())


def test_an_overdue_invoice_that_is_paid_and_taken_back_is_overdue_again(invoice):
    late = NOON + timedelta(days=40)
    overdue.mark(invoice.pk, late)
    payment = payments.record(invoice.pk, paid("86.25"), None, late)
    assert state(invoice)[0] == "paid"
    payments.remove(payment.pk, late)
    assert state(invoice)[0] == "overdue"


def test_one_that_is_late_without_a_reminder_falls_due_again(invoice):
    """The next night makes it overdue, and reminds."""
    late = NOON + timedelta(days=40)
    payment = payments.record(invoice.pk, paid("86.25"), None, NOON)
    payments.remove(payment.pk, late)
    assert state(invoice)[0] == "pending"
    assert overdue.mark(invoice.pk, late)


def test_a_void_invoice_takes_no_payment(invoice):
    invoices.void(invoice.pk, NOON, "misread")
    with pytest.raises(BillingRefused, match="is void"):
        record(invoice, "1")


@given(st.lists(st.tuples(st.sampled_from(["pay", "remove"]), st.integers(1, 9000)), max_size=8))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_comes_and_goes_the_sum_is_right(invoice, deeds):
    Payment.objects.all().delete()
    payments.settle(invoices.locked(invoice.pk), NOON)
    invoice.refresh_from_db()
    for deed, number in deeds:
        amount = Decimal(number) / 100
        if deed == "pay" and amount <= invoice.due:
            record(invoice, str(amount))
        elif deed == "pay":
            with pytest.raises(BillingRefused, match="too much"):
                record(invoice, str(amount))
        elif last := Payment.objects.last():
            payments.remove(last.pk, NOON)
        invoice.refresh_from_db()
        whole = sum(Payment.objects.values_list("amount", flat=True))
        assert invoice.paid == whole <= invoice.total
        assert (invoice.status == "paid") == (whole == invoice.total)
