"""An invoice is issued once, its numbers have no gap, and a wrong one is replaced."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from logistics import tasks
from logistics.billing import invoices, overdue, payments
from logistics.billing.errors import BillingRefused
from logistics.billing.models import DistanceSource, Invoice, InvoiceCounter, InvoiceStatus, Tariff
from logistics.billing.payments import NewPayment
from logistics.trips.live_models import GpsPoint
from logistics.trips.models import TripStatus
from scheduling.testing import enqueued
from tests.logistics.billing.conftest import NOON, issue

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def numbers() -> list[str]:
    return list(Invoice.objects.order_by("id").values_list("invoice_number", flat=True))


# --- What it says ---------------------------------------------------------------------------------------


def test_ten_kilometres_cost_86_25(invoice, patient):
    assert (invoice.subtotal, invoice.tax, invoice.total) == (Decimal(75), Decimal("11.25"), Decimal("86.25"))
    assert (invoice.invoice_number, invoice.currency, invoice.status) == ("INV-2026-000001", "USD", "pending")
    assert (invoice.issued_on, invoice.due_date) == (date(2026, 11, 22), date(2026, 12, 22))
    assert (invoice.payer, invoice.payer_name) == (patient, "Asha Trivedi")


def test_under_a_contract_the_company_pays_by_its_tariff(completed, contract):
    Tariff.objects.create(contract=contract, base_fee=Decimal(20), price_per_km=Decimal("1.5"), due_days=14)
    made = issue(completed(contract=contract))
    assert (made.payer, made.patient, made.total) == (contract.company, None, Decimal("40.25"))
    assert made.due_date == date(2026, 12, 6)


def test_it_stays_as_it_was_issued(invoice, patient, settings):
    settings.INVOICE_BASE_FEE = Decimal(999)
    patient.name = "Another Name"
    patient.save()
    invoice.refresh_from_db()
    assert (invoice.payer_name, invoice.base_fee) == ("Asha Trivedi", Decimal(50))


def test_without_an_odometer_the_recorded_way_counts_without_its_outliers(completed):
    trip = completed(odometer_end_km=None)
    for minute, lat in enumerate(("22.30", "22.31", "29.00", "22.32")):  # the third is hundreds of km away
        GpsPoint.objects.create(trip=trip, lat=lat, lng="73.2", recorded_at=NOON + MINUTE * minute)
    made = issue(trip)
    assert made.distance_source == DistanceSource.TRACK
    assert made.distance_km == Decimal("2.224")


def test_without_any_trace_the_distance_is_marked_as_estimated(completed):
    made = issue(completed(odometer_start_km=None))
    assert (made.distance_km, made.is_estimated) == (Decimal(10), True)


def test_what_costs_nothing_is_paid_at_once(completed, contract):
    Tariff.objects.create(contract=contract, base_fee=Decimal(0), price_per_km=Decimal(0))
    assert issue(completed(contract=contract)).status == InvoiceStatus.PAID


# --- Once, and whom not ---------------------------------------------------------------------------------


def test_a_second_time_says_the_same(trip):
    first = tasks.generate_invoice(trip.pk)
    assert tasks.generate_invoice(trip.pk) == first
    assert numbers() == ["INV-2026-000001"]
    assert enqueued(tasks.send_invoice_email) == [{"invoice_id": first}]


def test_the_database_itself_refuses_a_second_one(invoice):
    facts = {
        field.attname: getattr(invoice, field.attname)
        for field in Invoice._meta.concrete_fields
        if not field.primary_key
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.create(**{**facts, "invoice_number": "INV-X"})


def test_a_trip_is_not_invoiced_before_its_end(trip):
    type(trip).objects.update(status=TripStatus.ARRIVED)
    with pytest.raises(BillingRefused, match="is arrived: it is invoiced once it is completed"):
        issue(trip)
    assert not InvoiceCounter.objects.exists()


def test_a_delivery_without_a_contract_is_free(completed, contract):
    free = completed(patient=None)
    assert tasks.generate_invoice(free.pk) is None
    assert tasks.process_trip_completion(free.pk)
    assert not enqueued(tasks.generate_invoice)
    assert tasks.generate_invoice(completed(patient=None, contract=contract).pk)
    assert numbers() == ["INV-2026-000001"]


def test_the_completion_of_a_trip_invoices_it_once(trip):
    tasks.process_trip_completion(trip.pk)
    assert enqueued(tasks.generate_invoice) == [{"trip_id": trip.pk}]
    invoices.void(tasks.generate_invoice(trip.pk), NOON, "free of charge")
    tasks.process_trip_completion(trip.pk)  # a retry does not bring a void one back
    assert len(enqueued(tasks.generate_invoice)) == 1


# --- Numbers --------------------------------------------------------------------------------------------


def test_a_number_whose_invoice_failed_is_given_to_the_next(completed):
    issue(completed())
    with transaction.atomic():
        issue(completed())
        transaction.set_rollback(True)
    issue(completed())
    assert numbers() == ["INV-2026-000001", "INV-2026-000002"]


def test_the_year_changes_at_midnight_in_india(completed):
    """23:59:59 and 00:00:00 of New Year there are 18:29:59 and 18:30:00 in UTC."""
    midnight = datetime(2026, 12, 31, 18, 30, tzinfo=UTC)
    issue(completed(), midnight - timedelta(seconds=1))
    made = issue(completed(), midnight)
    assert numbers() == ["INV-2026-000001", "INV-2027-000001"]
    assert (made.issued_on, made.due_date) == (date(2027, 1, 1), date(2027, 1, 31))
    issue(completed(), midnight - timedelta(seconds=1))  # one that was begun before
    assert numbers()[-1] == "INV-2026-000002"


def test_the_zone_is_a_setting(completed, settings):
    settings.OPERATIONS_TIME_ZONE = "America/New_York"
    assert issue(completed(), datetime(2027, 1, 1, 4, 59, tzinfo=UTC)).invoice_number == "INV-2026-000001"


# --- Void and reissue -----------------------------------------------------------------------------------


def test_a_void_invoice_keeps_its_number_and_a_new_one_may_follow(trip, invoice):
    invoices.void(invoice.pk, NOON, "  wrong trip ")
    again = issue(trip)
    assert numbers() == ["INV-2026-000001", "INV-2026-000002"]
    assert again.replaces == invoice
    invoice.refresh_from_db()
    assert (invoice.status, invoice.void_reason, invoice.due) == ("void", "wrong trip", 0)


def test_a_reissue_replaces_it_with_another_distance(invoice):
    new = invoices.reissue(invoice.pk, NOON, "misread", Decimal("21.4"))
    assert (new.replaces, new.distance_source) == (invoice, DistanceSource.CORRECTED)
    assert new.total == Decimal("119.03")  # 103.50 and 15.525 up
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.VOID


def test_a_reissue_keeps_the_way_whose_fixes_are_deleted_by_now(completed):
    trip = completed(odometer_end_km=None)
    for minute in range(4):
        GpsPoint.objects.create(
            trip=trip, lat=f"22.3{minute}", lng="73.2", recorded_at=NOON + MINUTE * minute
        )
    first = issue(trip)
    GpsPoint.objects.all().delete()
    second = invoices.reissue(first.pk, NOON, "other payer")
    assert (second.distance_km, second.distance_source) == (first.distance_km, DistanceSource.TRACK)
    type(trip).objects.update(odometer_end_km=Decimal(105))
    assert invoices.reissue(second.pk, NOON, "odometer read").distance_km == 5


def test_what_is_replaced_is_not_replaced_again(invoice):
    new = invoices.reissue(invoice.pk, NOON, "misread")
    with pytest.raises(BillingRefused, match=f"go on with {new}"):
        invoices.reissue(invoice.pk, NOON, "misread")
    with pytest.raises(BillingRefused, match="void already"):
        invoices.void(invoice.pk, NOON, "misread")


def test_a_void_needs_a_reason_and_no_payments(invoice, accountant):
    with pytest.raises(BillingRefused, match="Say why"):
        invoices.void(invoice.pk, NOON, " ")
    payments.record(invoice.pk, NewPayment(Decimal(5), NOON.date()), accountant, NOON)
    with pytest.raises(BillingRefused, match=r"5\.00 USD were paid on INV-2026-000001: take these"):
        invoices.reissue(invoice.pk, NOON, "misread")
    assert numbers() == ["INV-2026-000001"]


# --- In time --------------------------------------------------------------------------------------------


def test_an_invoice_is_overdue_when_its_last_day_is_over_in_india(invoice):
    midnight = datetime(2026, 12, 22, 18, 30, tzinfo=UTC)
    assert overdue.past_due(midnight - timedelta(seconds=1)) == []
    assert overdue.past_due(midnight) == [invoice.pk]


def test_it_is_marked_and_reminded_of_once(invoice):
    late = NOON + timedelta(days=40)
    assert overdue.mark(invoice.pk, late) is True
    assert overdue.mark(invoice.pk, late) is False
    invoice.refresh_from_db()
    assert (invoice.status, invoice.reminded_at) == ("overdue", late)
    assert invoice.mails.count() == 1
