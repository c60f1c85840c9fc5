"""Several at once on one trip, killed at any step, with real processes and a real mail server.

Each round a trip ends. Two processes invoice it and send the mail at the same moment; one or both end
themselves, as by a power cut, before or after one of their statements, around the mail too. Then a third does
it all again, as the engine does with a lost job. Ten rounds run always, hundreds with `make test-slow`.
"""

import os
import random
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, connections

from ims.notices.models import Letter, LetterState
from logistics import tasks
from logistics.billing import mails, payments
from logistics.billing.errors import BillingRefused
from logistics.billing.models import Invoice, InvoiceCounter, InvoiceStatus, Payment
from logistics.billing.payments import NewPayment
from logistics.trips.models import Trip
from scheduling.testing import enqueued
from tests.conftest import wait_for
from tests.logistics.billing.conftest import NOON, add_completed, issue

pytestmark = pytest.mark.django_db(transaction=True)
FEW, MANY = 10, 300
many = pytest.param(MANY, marks=[pytest.mark.slow, pytest.mark.only("postgresql")])  # SQLite has one writer
rounds = pytest.mark.parametrize("count", [FEW, many])
STATEMENTS = 45  # about as many as invoicing and sending take
FAILED = 3  # the exit status of a child that raised


@rounds
def test_raced_and_killed_between_steps_there_is_one_invoice_no_gap_and_one_mail(
    driver, patient, smtp, settings, count
):
    settings.EMAIL_TIMEOUT = 5  # seconds; two cores are busy
    chance = random.Random(count)
    ends: Counter[int] = Counter()
    for _ in range(count):
        trip = add_completed(driver, patient=patient)
        moments = [
            chance.randrange(2 * STATEMENTS),
            chance.randrange(4 * STATEMENTS),
        ]  # the second often lives
        ends.update(together(*(invoice_and_die(trip.pk, moment) for moment in moments)))
        invoice_and_send(trip.pk)
    assert ends[FAILED] == 0
    assert ends[-signal.SIGKILL] > count / 4
    assert_books_are_right(count)
    assert_mails_went_out_once(smtp, count)


def invoice_and_send(trip_id: int) -> None:
    invoice_id = tasks.generate_invoice(trip_id)
    assert invoice_id is not None
    with suppress(mails.InHand):  # the other one is sending it, or has died doing so
        tasks.send_invoice_email(invoice_id)


def invoice_and_die(trip_id: int, moment: int) -> Callable[[], None]:
    """Do it, and end without a word before (even) or after (odd) that statement."""

    def run() -> None:
        done = 0

        def count(execute: Any, *arguments: Any) -> Any:
            nonlocal done
            done += 1
            if moment == 2 * done:
                os.kill(os.getpid(), signal.SIGKILL)
            result = execute(*arguments)
            if moment == 2 * done + 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        with connection.execute_wrapper(count):
            invoice_and_send(trip_id)

    return run


def assert_books_are_right(count: int) -> None:
    numbers = sorted(Invoice.objects.values_list("invoice_number", flat=True))
    assert len(numbers) == Trip.objects.count() == count
    year = numbers[0].split("-")[1]
    assert numbers == [f"INV-{year}-{number:06}" for number in range(1, count + 1)]
    assert InvoiceCounter.objects.get().last == count
    jobs = [job["invoice_id"] for job in enqueued(tasks.send_invoice_email)]
    assert sorted(jobs) == sorted(Invoice.objects.values_list("pk", flat=True))  # each committed with its job


def assert_mails_went_out_once(smtp, count: int) -> None:
    """Never two; none only where the sender died between its claim and the server's answer."""
    arrived = Counter(each.message["Subject"] for each in smtp.letters)
    assert set(arrived.values()) <= {1}
    states = Counter(Letter.objects.values_list("state", flat=True))
    assert sum(states.values()) == count
    assert set(states) <= {LetterState.SENT, LetterState.SENDING}
    for letter in Letter.objects.filter(state=LetterState.SENT):
        assert arrived[f"Invoice {letter.invoice_mail.invoice}"] == 1
    assert states[LetterState.SENDING] < max(3, count / 5)


@rounds
def test_two_accountants_never_take_more_than_is_due(driver, patient, count):
    made = [issue(add_completed(driver, patient=patient)) for _ in range(count)]

    def work(amount: str) -> Callable[[], None]:
        def pay_all() -> None:
            for invoice in made:
                try:
                    payments.record(invoice.pk, NewPayment(Decimal(amount), NOON.date()), None, NOON)
                except BillingRefused as refusal:
                    if refusal.code != "overpaid":
                        raise

        return pay_all

    assert together(work("86.25"), work("50.00")) == [0, 0]
    for invoice in Invoice.objects.all():
        whole = sum(Payment.objects.filter(invoice=invoice).values_list("amount", flat=True))
        assert invoice.paid == whole
        assert whole in (Decimal("86.25"), Decimal("50.00"))
        assert (invoice.status == InvoiceStatus.PAID) == (whole == invoice.total)


@pytest.mark.parametrize("count", [4])
def test_trips_that_end_at_once_share_no_number(driver, patient, count):
    """In a year that has no counter yet."""
    trips = [[add_completed(driver, patient=patient).pk for _ in range(5)] for _ in range(count)]

    def work(mine: list[int]) -> Callable[[], None]:
        return lambda: [tasks.generate_invoice(pk) for pk in mine] and None

    assert together(*map(work, trips)) == [0] * count
    assert_books_are_right(5 * count)


# --- Processes ------------------------------------------------------------------------------------------


def together(*deeds: Callable[[], None]) -> list[int]:
    """Each in a process of its own, beginning at the same moment; returns how each ended."""
    connections.close_all()  # no process may speak on another's
    gate_out, gate_in = os.pipe()
    children = [forked(deed, gate_out, gate_in) for deed in deeds]
    time.sleep(0.02)  # until they wait
    os.close(gate_in)
    os.close(gate_out)
    return [ended(child) for child in children]


def forked(deed: Callable[[], None], gate_out: int, gate_in: int) -> int:
    child = os.fork()
    if child:
        return child
    status = FAILED
    try:
        os.close(gate_in)
        connection.ensure_connection()
        os.read(gate_out, 1)  # ends as soon as the parent closes its side
        deed()
        connections.close_all()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def ended(child: int) -> int:
    found: list[int] = []

    def is_over() -> bool:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            found.append(os.waitstatus_to_exitcode(status))
        return bool(pid)

    wait_for(is_over, timeout=60, every=0.005)
    return found[0]
