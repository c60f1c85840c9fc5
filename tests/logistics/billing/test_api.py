"""Invoices over REST: who may read and act, filters, totals, and every refusal in words."""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from openpyxl import load_workbook

from ims.accounts import roles
from logistics import tasks
from logistics.billing import invoices, overdue, payments
from logistics.billing.models import Invoice, Payment
from logistics.billing.payments import NewPayment
from logistics.trips.models import Trip
from scheduling.testing import enqueued
from tests.conftest import make_user
from tests.logistics.billing.conftest import NOON, issue

pytestmark = pytest.mark.django_db
LIST = "/api/invoices/"


def at(invoice: Invoice, what: str = "") -> str:
    return f"{LIST}{invoice.pk}/{what}"


@pytest.fixture
def desk(api, accountant):
    return api(accountant)


def post(client, invoice: Invoice, what: str, **body: object):
    return client.post(at(invoice, f"{what}/"), body, format="json")


PAYMENT = {"amount": "40.00", "date": "2026-11-22"}
DEEDS = [
    ("void", {"reason": "x"}),
    ("reissue", {"reason": "x"}),
    ("send", {}),
    ("payments", PAYMENT),
]


# --- Who ------------------------------------------------------------------------------------------------


def test_a_visitor_is_asked_for_a_login(anonymous_api, invoice):
    assert anonymous_api.get(LIST).status_code == 401
    assert anonymous_api.get(at(invoice, "pdf/")).status_code == 401


def test_for_a_stranger_no_invoice_exists(api, stranger, member, driver, invoice):
    """A driver, another company's member, the trip's own driver, a patient of another trip."""
    other = make_user("other", roles.PATIENT)
    for user in (stranger, member, driver.user, other):
        client = api(user)
        assert client.get(at(invoice)).status_code == 404
        assert client.get(at(invoice, "pdf/")).status_code == 404
        assert all(post(client, invoice, what, **body).status_code == 404 for what, body in DEEDS)
    assert api(stranger).get(LIST).status_code == 403
    assert api(other).get(LIST).json()["count"] == 0


def test_the_payer_reads_his_own_and_changes_nothing(api, patient, member, invoice, completed, contract):
    of_company = issue(completed(contract=contract))
    for user, own, others in ((patient.user, invoice, of_company), (member, of_company, invoice)):
        client = api(user)
        found = client.get(LIST).json()
        assert [row["id"] for row in found["results"]] == [own.pk]
        assert found["results"][0]["mails"] == []
        assert client.get(at(own, "pdf/")).content.startswith(b"%PDF-")
        assert client.get(at(others)).status_code == 404
        assert all(post(client, own, what, **body).status_code == 403 for what, body in DEEDS)
        assert client.post(LIST, {"trip_id": own.trip_id}, format="json").status_code == 403


def test_a_dispatcher_reads_all_and_changes_nothing(api, dispatcher, invoice):
    client = api(dispatcher)
    assert client.get(at(invoice)).json()["invoice_number"] == "INV-2026-000001"
    assert all(post(client, invoice, what, **body).status_code == 403 for what, body in DEEDS)


# --- What it says ---------------------------------------------------------------------------------------


def test_an_invoice_as_json(desk, invoice, trip, patient):
    found = desk.get(at(invoice)).json()
    assert found["payer"] == {"kind": "patient", "id": patient.pk, "name": "Asha Trivedi"}
    money = {name: found[name] for name in ("subtotal", "tax", "total", "paid", "due", "currency")}
    assert money == {
        "subtotal": "75.00", "tax": "11.25", "total": "86.25", "paid": "0.00", "due": "86.25",
        "currency": "USD",
    }  # fmt: skip
    assert (found["trip"], found["distance_km"], found["distance_source"]) == (trip.pk, "10.000", "odometer")
    assert (found["status"], found["due_date"], found["is_estimated"]) == ("pending", "2026-12-22", False)


def test_the_list_has_overdue_ones_first_then_what_falls_due_next(desk, completed):
    late, next_, last, paid = (issue(completed(), NOON + timedelta(days=day)) for day in (-50, -3, -1, -60))
    overdue.mark(late.pk, NOON)
    payments.record(paid.pk, NewPayment(paid.total, NOON.date()), None, NOON)
    found = desk.get(LIST).json()["results"]
    assert [row["id"] for row in found] == [late.pk, next_.pk, last.pk, paid.pk]


def test_filters_totals_and_the_workbook_agree(desk, completed, contract, django_assert_max_num_queries):
    one, two = issue(completed(pk=987_001)), issue(completed(contract=contract), NOON - timedelta(days=10))
    gone = issue(completed())
    invoices.void(gone.pk, NOON, "=1+1")
    payments.record(two.pk, NewPayment(Decimal(40), NOON.date()), None, NOON)
    cases = {
        "": {one.pk, two.pk, gone.pk},
        "status=open": {one.pk, two.pk},
        "status=part": {two.pk},
        "status=void": {gone.pk},
        "status=mail": set(),
        "q=care": {two.pk},
        "q=987001": {one.pk},
        f"q={two.invoice_number.lower()}": {two.pk},
        "since=2026-11-20&status=pending": {one.pk},
        "until=2026-11-20": {two.pk},
        f"trip={gone.trip_id}": {gone.pk},
    }
    for query, expected in cases.items():
        with django_assert_max_num_queries(10):
            found = desk.get(f"{LIST}?{query}").json()["results"]
        assert {row["id"] for row in found} == expected, query
    (total,) = desk.get(f"{LIST}totals/").json()
    assert total == {"currency": "USD", "count": 2, "total": "172.50", "paid": "40.00", "due": "132.50"}
    file = BytesIO(b"".join(desk.get(f"{LIST}export/?status=void").streaming_content))
    heading, row = load_workbook(file).active.iter_rows(values_only=True)
    assert dict(zip(heading, row, strict=True))["Void because"] == "=1+1"


@pytest.mark.parametrize("query", ["status=lost", "since=yesterday", "trip=0", "trip=x"])
def test_a_filter_that_is_none_is_named(desk, query):
    answer = desk.get(f"{LIST}?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(query.partition("=")[0])


def test_trouble_with_the_mail_can_be_asked_for(desk, invoice, smtp):
    smtp.fail("RCPT", "550 No such mailbox")
    tasks.send_invoice_email.enqueue(invoice_id=invoice.pk)
    with pytest.raises(Exception, match="550 No such mailbox"):
        tasks.send_invoice_email(invoice.pk)
    (row,) = desk.get(f"{LIST}?status=mail").json()["results"]
    (mail,) = row["mails"]
    assert (mail["outcome"], mail["address"], mail["attempts"]) == ("failed", "asha@example.com", 1)
    assert "550 No such mailbox" in mail["why"]
    assert post(desk, invoice, "send").status_code == 202
    tasks.send_invoice_email(invoice.pk)
    assert desk.get(f"{LIST}?status=mail").json()["count"] == 0  # that it failed once is history


def test_the_preview_before_the_end(api, dispatcher, patient, completed, contract):
    trip = completed(contract=contract, odometer_end_km=None, status="in_transit")
    found = api(dispatcher).get(f"{LIST}preview/?trip_id={trip.pk}").json()
    assert (found["payer"], found["total"], found["is_estimated"]) == ("Care Insurance", "86.25", True)
    assert not Invoice.objects.exists()
    assert api(patient.user).get(f"{LIST}preview/?trip_id={trip.pk}").status_code == 403
    assert api(dispatcher).get(f"{LIST}preview/?trip_id={trip.pk + 1}").status_code == 404


# --- Acting ---------------------------------------------------------------------------------------------


def test_a_trip_is_invoiced_by_hand_once(desk, trip):
    first = desk.post(LIST, {"trip_id": trip.pk}, format="json")
    again = desk.post(LIST, {"trip_id": trip.pk}, format="json")
    assert (first.status_code, first.json()["id"]) == (201, again.json()["id"])
    assert len(enqueued(tasks.send_invoice_email)) == 1


def test_what_cannot_be_invoiced_says_why(desk, completed):
    cases = {
        completed(status="in_transit").pk: "is in_transit: it is invoiced once it is completed",
        completed(patient=None).pk: "Nobody pays for trip",
        10**6: "There is no trip 1000000",
    }
    for pk, words in cases.items():
        answer = desk.post(LIST, {"trip_id": pk}, format="json")
        assert answer.status_code == 400
        assert words in answer.json()["error"]["message"]
    assert not Invoice.objects.exists()
    assert Trip.objects.count() == 2


def test_payments_come_in_are_corrected_and_taken_back(desk, invoice):
    paid = post(desk, invoice, "payments", **PAYMENT, method="cash", reference="R1", expected_due="86.25")
    assert (paid.status_code, paid.json()["due"]) == (201, "46.25")
    address = at(invoice, f"payments/{Payment.objects.get().pk}/")
    corrected = desk.patch(address, {"amount": "86.25"}, format="json").json()
    assert (corrected["status"], corrected["payments"][0]["reference"]) == ("paid", "R1")
    assert desk.delete(address).json()["due"] == "86.25"
    assert desk.delete(address).status_code == 404


def test_an_overpayment_is_refused_with_the_amount_due(desk, invoice):
    answer = post(desk, invoice, "payments", amount="86.26", date="2026-11-22")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == (
        "overpaid", "amount: 86.26 is too much: 86.25 USD are due on INV-2026-000001."
    )  # fmt: skip
    stale = post(desk, invoice, "payments", **PAYMENT, expected_due="10.00")
    assert stale.json()["error"]["code"] == "changed"


def test_void_and_reissue(desk, invoice):
    assert post(desk, invoice, "void").json()["error"]["fields"] == {"reason": ["This field is required."]}
    made = post(desk, invoice, "reissue", reason="misread", distance_km="21.4")
    assert made.status_code == 201
    new = made.json()
    assert (new["invoice_number"], new["total"]) == ("INV-2026-000002", "119.03")
    assert new["replaces"] == {"id": invoice.pk, "invoice_number": "INV-2026-000001"}
    old = desk.get(at(invoice)).json()
    assert (old["status"], old["replaced_by"]["id"], old["due"]) == ("void", new["id"], "0.00")
    assert post(desk, invoice, "void", reason="again").json()["error"]["code"] == "void"
