"""Issue, void and reissue invoices: with payments.py and overdue.py the only writers of them.

The trip is locked first, then the invoice, then the year's counter: whoever comes second finds the invoice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import FloatField
from django.db.models.functions import Cast

from ims.lib.local_time import local_day
from logistics.billing import numbers, pricing
from logistics.billing.errors import BillingRefused
from logistics.billing.models import DistanceSource, Invoice, InvoiceStatus
from logistics.billing.payers import Payer, payer_of, terms_of
from logistics.billing.pricing import Price, Terms
from logistics.trips import distance
from logistics.trips.distance import Distance
from logistics.trips.live_models import GpsPoint
from logistics.trips.models import Trip, TripStatus


@dataclass(frozen=True)
class Issued:
    """The invoice of a trip; None where nobody is to be invoiced."""

    invoice: Invoice | None
    is_new: bool = False


@dataclass(frozen=True)
class Preview:
    """What a trip would be invoiced at, as it stands."""

    payer: Payer | None
    km: Decimal
    source: DistanceSource
    terms: Terms
    price: Price

    @property
    def is_estimated(self) -> bool:
        return self.source == DistanceSource.ESTIMATE


# --- Before and at the end of a trip --------------------------------------------------------------------


def preview(trip: Trip) -> Preview:
    """Asks much and changes nothing."""
    payer = payer_of(trip)
    terms = terms_of(payer.contract if payer else None)
    found = distance_of(trip)
    return Preview(payer, found.km, DistanceSource(found.source), terms, pricing.price(found.km, terms))


def distance_of(trip: Trip) -> Distance:
    """By the odometer, else along the recorded way, else an estimate."""
    points = GpsPoint.objects.filter(trip=trip).order_by("recorded_at")
    lat, lng = (Cast(name, FloatField()) for name in ("lat", "lng"))
    track = (distance.Fix(*each) for each in points.values_list(lat, lng, "recorded_at").iterator())
    return distance.of_trip(trip.odometer_start_km, trip.odometer_end_km, track, settings.INVOICE_DEFAULT_KM)


def is_wanted(trip: Trip) -> bool:
    """Whether a completed trip is still to be invoiced; one whose invoice is void is left to people."""
    return payer_of(trip) is not None and not Invoice.objects.filter(trip=trip).exists()


@transaction.atomic
def issue(trip_id: int, at: datetime) -> Issued:
    """Invoice a completed trip, once: a second time says the same. Raises BillingRefused before its end."""
    trip = locked_trip(trip_id)
    newest = newest_of(trip)
    if newest is not None and newest.status != InvoiceStatus.VOID:
        return Issued(newest)
    if trip.status != TripStatus.COMPLETED:
        raise BillingRefused(
            "not_completed",
            f"Trip {trip.pk} is {trip.status}: it is invoiced once it is completed.",
            "trip_id",
        )
    expected = corrected(preview(trip), newest)
    return Issued(write(trip, expected, at, newest), is_new=True) if expected.payer else Issued(None)


def locked_trip(trip_id: int) -> Trip:
    trips = Trip.objects.select_related("contract__company", "patient__user")
    trip = trips.select_for_update(no_key=True, of=("self",)).filter(pk=trip_id).first()
    if trip is None:
        raise BillingRefused("no_trip", f"There is no trip {trip_id}.", "trip_id")
    return trip


def newest_of(trip: Trip) -> Invoice | None:
    """All before it are void, and each replaced the one before."""
    return Invoice.objects.filter(trip=trip).order_by("id").last()


def write(trip: Trip, expected: Preview, at: datetime, replaces: Invoice | None) -> Invoice:
    payer, price, terms, today = expected.payer, expected.price, expected.terms, local_day(at)
    assert payer is not None
    return Invoice.objects.create(
        trip=trip,
        company=payer.company,
        contract=payer.contract,
        patient=payer.patient,
        payer_name=payer.name,
        payer_address=payer.address,
        distance_km=expected.km,
        distance_source=expected.source,
        base_fee=price.base_fee,
        price_per_km=terms.price_per_km,
        tax_percent=terms.tax_percent,
        currency=settings.INVOICE_CURRENCY,
        subtotal=price.subtotal,
        tax=price.tax,
        total=price.total,
        issued_at=at,
        issued_on=today,
        due_date=today + timedelta(days=terms.due_days),
        status=InvoiceStatus.PENDING if price.total else InvoiceStatus.PAID,
        replaces=replaces,
        invoice_number=numbers.take(today.year),
    )


# --- When one was wrong ---------------------------------------------------------------------------------


@transaction.atomic
def void(invoice_id: int, at: datetime, reason: str) -> Invoice:
    """It keeps its number and asks for nothing any more. Raises BillingRefused."""
    invoice = locked(invoice_id)
    if invoice.status == InvoiceStatus.VOID:
        raise BillingRefused("void", f"{invoice} is void already: reload the page.")
    if not reason.strip():
        raise BillingRefused("no_reason", "Say why it is void: the reason stays with its number.", "reason")
    if invoice.paid:
        raise BillingRefused(
            "has_payments",
            f"{invoice.paid} {invoice.currency} were paid on {invoice}: take these payments back first.",
        )
    invoice.status, invoice.voided_at, invoice.void_reason = InvoiceStatus.VOID, at, reason.strip()[:500]
    invoice.save(update_fields=["status", "voided_at", "void_reason", "updated_at"])
    return invoice


@transaction.atomic
def reissue(invoice_id: int, at: datetime, reason: str, km: Decimal | None = None) -> Invoice:
    """Void one and write a new one by today's facts; `km` corrects the distance. Raises BillingRefused."""
    trip = locked_trip(Invoice.objects.values_list("trip", flat=True).get(pk=invoice_id))
    former, newest = locked(invoice_id), newest_of(trip)
    if newest != former:
        raise BillingRefused("replaced", f"{former} was replaced already: go on with {newest}.")
    if former.status != InvoiceStatus.VOID:
        former = void(invoice_id, at, reason)
    expected = corrected(preview(trip), former, km)
    if expected.payer is None:
        raise BillingRefused("no_payer", f"Nobody pays for trip {trip.pk}: give it a contract first.")
    return write(trip, expected, at, replaces=former)


def corrected(expected: Preview, former: Invoice | None, km: Decimal | None = None) -> Preview:
    """By a distance given by hand; else, unless the odometer is known by now, as it was: fixes go."""
    if km is not None:
        source = DistanceSource.CORRECTED
    elif former is None or expected.source == DistanceSource.ODOMETER:
        return expected
    else:
        km, source = former.distance_km, DistanceSource(former.distance_source)
    return Preview(expected.payer, km, source, expected.terms, pricing.price(km, expected.terms))


def locked(invoice_id: int) -> Invoice:
    """The invoice, for this transaction alone."""
    return Invoice.objects.select_for_update(no_key=True).get(pk=invoice_id)
