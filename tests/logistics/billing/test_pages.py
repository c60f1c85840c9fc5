"""The pages of invoices: who sees what, what is pressed, and what a refusal says."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils.timezone import now
from openpyxl import load_workbook

from ims.accounts import roles
from ims.lib.local_time import local_day
from logistics import invoice_actions, tasks
from logistics.billing import mails
from logistics.billing.models import Invoice, Payment
from logistics.trips.models import Trip
from scheduling.testing import enqueued
from tests.conftest import make_user
from tests.logistics.billing.conftest import NOON, issue

pytestmark = pytest.mark.django_db
LIST = "/invoices/"


@pytest.fixture
def as_(client):
    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def page(as_, accountant):
    return as_(accountant)


def text_of(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def press(page, invoice: Invoice, what: str, **body: object) -> str:
    """Press a button on the invoice's page; returns the page that follows."""
    return text_of(page.post(f"{invoice.get_absolute_url()}{what}/", body, follow=True))


# --- Who sees what --------------------------------------------------------------------------------------


def test_a_visitor_is_led_to_the_sign_in_page(client, invoice):
    assert client.get(LIST).status_code == client.get(invoice.get_absolute_url()).status_code == 302


def test_a_stranger_sees_nothing(as_, stranger, member, invoice):
    assert as_(stranger).get(LIST).status_code == 403
    for user in (stranger, member):
        page = as_(user)
        for what in ("", "pdf/"):
            assert page.get(f"{invoice.get_absolute_url()}{what}").status_code == 404
        assert page.post(f"{invoice.get_absolute_url()}void/", {"reason": "x"}).status_code == 404


def test_the_payer_sees_his_own_without_what_is_internal(as_, patient, invoice, accountant, smtp):
    tasks.send_invoice_email(invoice.pk)
    page = as_(patient.user)
    assert "My invoices" in text_of(page.get(LIST))
    text = text_of(page.get(invoice.get_absolute_url()))
    assert "86.25" in text
    for internal in ("E-mails", "Who did what", "Record a payment", "asha@example.com"):
        assert internal not in text
    assert page.post(f"{invoice.get_absolute_url()}void/", {"reason": "x"}).status_code == 403


def test_a_company_sees_no_patient(as_, member, completed, contract):
    invoice = issue(completed(contract=contract))
    page = as_(member)
    for text in (text_of(page.get(LIST)), text_of(page.get(invoice.get_absolute_url()))):
        assert "Care Insurance" in text
        for secret in ("Asha", "MRN-SECRET", "Alkapuri"):
            assert secret not in text


def test_a_dispatcher_reads_and_finds_no_buttons(as_, dispatcher, invoice):
    text = text_of(as_(dispatcher).get(invoice.get_absolute_url()))
    assert "E-mails" in text
    assert "Record a payment" not in text
    assert as_(dispatcher).post(f"{LIST}new/", {"trip_id": invoice.trip_id}).status_code == 403


# --- The list -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 12])
def test_the_list_asks_as_much_for_many_as_for_few(page, completed, count, django_assert_num_queries):
    for _ in range(count):
        mails.ensure_first(issue(completed()).pk)
    with django_assert_num_queries(12):
        page.get(LIST)


def test_filters_are_in_the_address_and_the_workbook_holds_what_the_list_shows(
    page, invoice, completed, contract
):
    issue(completed(contract=contract))
    text = text_of(page.get(f"{LIST}?q=care"))
    assert "INV-2026-000002" in text
    assert "INV-2026-000001" not in text
    assert "1 invoice of 86.25 USD, of which 86.25 are due" in " ".join(text.split())
    file = BytesIO(b"".join(page.get(f"{LIST}export/?q=care").streaming_content))
    assert [row[0] for row in load_workbook(file).active.iter_rows(values_only=True)] == [
        "Invoice", "INV-2026-000002"
    ]  # fmt: skip
    assert "No invoice fits" in text_of(page.get(f"{LIST}?q=nobody"))


def test_an_empty_list_says_when_it_fills(page):
    assert "No invoices yet" in text_of(page.get(LIST))


# --- One invoice ----------------------------------------------------------------------------------------


def pay(page, invoice: Invoice, amount: str, **body: object) -> str:
    facts = {"amount": amount, "date": NOON.date(), "method": "transfer", "expected_due": "86.25", **body}
    return press(page, invoice, "pay", **facts)


def test_a_payment_is_recorded_and_a_double_press_is_not_a_second_one(page, invoice):
    assert "46.25 USD are still due" in pay(page, invoice, "40.00")
    assert "meanwhile: 46.25 USD are due now" in pay(page, invoice, "40.00")
    assert Payment.objects.count() == 1
    assert "is paid in full" in pay(page, invoice, "46.25", expected_due="46.25")


def test_a_refusal_names_field_and_cure(page, invoice):
    assert "86.26 is too much: 86.25 USD are due" in pay(page, invoice, "86.26")
    assert "Amount: Ensure that there are no more than 2 decimal places" in pay(page, invoice, "1.005")
    assert "Reason: This field is required" in press(page, invoice, "void")


def test_a_payment_is_corrected_and_taken_back_and_its_history_stays(page, invoice):
    pay(page, invoice, "40.00")
    one = Payment.objects.get()
    text = press(
        page, invoice, f"payments/{one.pk}/correct",
        amount="46.00", date=NOON.date(), method="cash", expected_due="46.25",
    )  # fmt: skip
    assert "40.00, 2026-11-22, transfer → 46.00, 2026-11-22, cash" in text
    assert "Payment taken back: 46.00" in press(
        page, invoice, f"payments/{one.pk}/remove", expected_due="40.25"
    )


def test_void_and_reissue_lead_to_the_new_one(page, invoice):
    text = press(page, invoice, "reissue", reason="misread", km="21.4")
    assert "INV-2026-000002 replaces INV-2026-000001" in text
    assert "119.03" in text
    old = text_of(page.get(invoice.get_absolute_url()))
    assert "nothing is to be paid on it" in old
    assert "Record a payment" not in old


def test_a_void_one_can_be_followed_by_a_new_one_later(page, invoice, accountant):
    invoice_actions.void(invoice.pk, accountant, "misread")
    assert "Issue a new one" in text_of(page.get(invoice.get_absolute_url()))
    assert "replaces INV-2026-000001" in press(page, invoice, "reissue", reason="as agreed")


def test_resend_names_the_address_and_is_pressed_once(page, invoice, smtp):
    tasks.send_invoice_email(invoice.pk)
    assert "On its way to asha@example.com" in press(page, invoice, "send", seen=1)
    assert "just sent it" in press(page, invoice, "send", seen=1)
    assert invoice.mails.count() == 2


def test_what_is_due_soon_is_what_its_figure_counts(page, invoice):
    assert invoice.invoice_number not in text_of(page.get(f"{LIST}?status=soon"))
    Invoice.objects.update(due_date=local_day(now()) + timedelta(days=7))
    text = text_of(page.get(f"{LIST}?status=soon"))
    assert invoice.invoice_number in text
    assert 'href="?status=soon"' in text


def test_a_mail_of_unknown_outcome_is_shown_with_what_to_do(page, invoice, smtp):
    smtp.fail("BODY", "drop")
    with pytest.raises(Exception, match="perhaps after taking it"):
        tasks.send_invoice_email(invoice.pk)
    text = text_of(page.get(invoice.get_absolute_url()))
    assert "Nobody knows whether the last mail arrived" in text
    assert "Outcome unknown" in text
    assert invoice.invoice_number in text_of(page.get(f"{LIST}?status=mail"))


def test_an_unknown_button_is_not_found(page, invoice):
    assert page.post(f"{invoice.get_absolute_url()}burn/").status_code == 404
    assert page.get(f"{invoice.get_absolute_url()}void/").status_code == 405


# --- From a trip ----------------------------------------------------------------------------------------


def test_a_trips_page_shows_what_it_would_cost(as_, dispatcher, stranger, trip):
    Trip.objects.update(status="in_transit")
    text = text_of(as_(dispatcher).get(f"/trips/{trip.pk}/price/"))
    assert "Issued by itself once the trip is completed" in text
    assert "86.25 USD" in text
    assert as_(stranger).get(f"/trips/{trip.pk}/price/").status_code == 403


def test_a_completed_trips_page_leads_to_its_invoice(as_, dispatcher, invoice):
    text = text_of(as_(dispatcher).get(f"/trips/{invoice.trip_id}/price/"))
    assert invoice.get_absolute_url() in text
    assert "would come to" not in text


def test_a_trip_is_invoiced_by_hand(page, trip):
    assert "INV-2026-000001" in text_of(page.post(f"{LIST}new/", {"trip_id": trip.pk}, follow=True))
    assert len(enqueued(tasks.send_invoice_email)) == 1
    assert "There is no trip 999999" in text_of(page.post(f"{LIST}new/", {"trip_id": 999_999}, follow=True))


def test_what_a_trip_costs_is_shown_by_its_number_and_led_to_its_invoice(as_, page, dispatcher, trip):
    assert "invoices/price/" in text_of(page.get(LIST))
    assert "Which trip" in text_of(page.get(f"{LIST}price/"))
    assert "There is no such trip" in text_of(page.get(f"{LIST}price/?trip_id=999999"))
    text = text_of(page.get(f"{LIST}price/?trip_id={trip.pk}"))
    assert "86.25 USD" in text
    assert "Invoice it" in text
    assert "Invoice it" not in text_of(as_(dispatcher).get(f"{LIST}price/?trip_id={trip.pk}"))


def test_the_price_of_an_invoiced_trip_is_its_invoice(page, invoice):
    text = text_of(page.get(f"{LIST}price/?trip_id={invoice.trip_id}"))
    assert invoice.get_absolute_url() in text
    assert "Invoice it" not in text


def test_the_rail_leads_a_company_to_its_invoices_and_nobody_else(as_, member, stranger):
    assert f'href="{LIST}"' in text_of(as_(member).get("/"))
    assert f'href="{LIST}"' not in text_of(as_(stranger).get("/"))


def test_the_rail_counts_what_an_accountant_should_look_at(as_, accountant, invoice):
    Invoice.objects.update(due_date=NOON.date().replace(year=2020))
    tasks.process_overdue_invoices()
    assert "invoice is overdue or was not sent" in text_of(as_(accountant).get("/"))
    assert "Invoices" not in text_of(as_(make_user("buyer", roles.BUYER)).get("/"))
