"""Invoices for `make run`: finished transports of the last weeks, and an invoice in every state.

Only where DEBUG is on. All by the services that write real ones, as of days that are past.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.timezone import now

from ims.accounts import roles
from ims.accounts.models import User
from ims.lib.local_time import local_day
from ims.notices.models import Letter, LetterState
from logistics import invoice_actions
from logistics.billing import invoices, mails, overdue
from logistics.billing.models import Invoice, InvoiceMail, MailKind
from logistics.billing.payments import NewPayment
from logistics.billing.pricing import cents
from logistics.demo_trips import HOMES, HOSPITALS, PREFIX
from logistics.fleet.models import Driver
from logistics.trips.models import Contract, Patient, Trip, TripStatus

LOST = "The mail server broke off, perhaps after taking it: timed out"


@dataclass(frozen=True)
class Story:
    """A transport so many days ago, and what became of its invoice."""

    days_ago: int
    by_contract: bool
    km: str = ""  # by the odometer; empty: nobody read it
    paid: tuple[str, ...] = ()  # parts of the total, in per cent
    then: str = ""


STORIES = (
    Story(58, True, "23.4", ("100",)),
    Story(51, False, "8.2", (), "overdue"),
    Story(47, True, "41.9", ("40",), "overdue"),
    Story(33, False, "12.0", ("100",)),
    Story(24, True, "17.6", ("50", "60")),
    Story(19, False, "", (), "void and reissued"),
    Story(12, True, "30.5", ("25",)),
    Story(6, False, "9.8", (), "mail unknown"),
    Story(3, False, "14.3", (), "no address"),
    Story(1, False),
)


@transaction.atomic
def fill(person: User) -> bool:
    """Make them; False where there are invoices already."""
    if Invoice.objects.exists():
        return False
    person.groups.add(Group.objects.get_or_create(name=roles.ACCOUNTANT)[0])
    contract = Contract.objects.select_related("company").first()
    patients = list(Patient.objects.order_by("pk")[:5])
    driver = (
        Driver.objects.filter(user__username__startswith=PREFIX).select_related("assigned_vehicle").first()
    )
    if contract is None or driver is None:
        return False
    for place, story in enumerate(STORIES):
        tell(story, add_trip(place, story, patients[place % len(patients)], contract, driver), person)
    return True


def add_trip(place: int, story: Story, patient: Patient, contract: Contract, driver: Driver) -> Trip:
    ended = now() - timedelta(days=story.days_ago, minutes=17 * place)
    if story.then == "no address":
        patient = Patient.objects.create(medical_record_number="MRN-20466", name="Manu Desai")
    return Trip.objects.create(
        patient=patient,
        contract=contract if story.by_contract else None,
        driver=driver,
        vehicle=driver.assigned_vehicle,
        status=TripStatus.COMPLETED,
        pickup_place=HOMES[place % len(HOMES)][0],
        dropoff_place=HOSPITALS[place % len(HOSPITALS)][0],
        scheduled_pickup_time=ended - timedelta(minutes=45),
        status_changed_at=ended,
        completed_at=ended,
        odometer_start_km=Decimal(10_000) if story.km else None,
        odometer_end_km=Decimal(10_000) + Decimal(story.km) if story.km else None,
    )


def tell(story: Story, trip: Trip, person: User) -> None:
    at = trip.completed_at or now()
    invoice = invoices.issue(trip.pk, at).invoice
    assert invoice is not None
    mail(invoice, at, story.then)
    for number, share in enumerate(story.paid, start=1):
        day = local_day(at + timedelta(days=5 * number))
        pay(invoice, share, day, f"NEFT {trip.pk}{number:03}", person)
    if story.then == "void and reissued":
        why = "The driver read 21.4 km afterwards."
        new = invoice_actions.reissue(invoice.pk, person, why, Decimal("21.4"))
        mail(new, now(), "")
    if story.then == "overdue":
        night = at + timedelta(days=31)
        overdue.mark(invoice.pk, night)
        sent(invoice.mails.get(kind=MailKind.REMINDER), night)


def pay(invoice: Invoice, share: str, day: date, reference: str, person: User) -> None:
    """A part of the total, in per cent; never more than what is left."""
    invoice.refresh_from_db()
    amount = min(invoice.due, cents(invoice.total * Decimal(share) / 100))
    invoice_actions.pay(invoice.pk, NewPayment(amount, day, reference=reference), person)


def mail(invoice: Invoice, at: datetime, then: str) -> None:
    written = mails.write(invoice)
    if then == "mail unknown":
        Letter.objects.filter(invoice_mail=written).update(state=LetterState.UNSURE, attempts=1, error=LOST)
    elif written.letter:
        sent(written, at)


def sent(written: InvoiceMail, at: datetime) -> None:
    Letter.objects.filter(invoice_mail=written).update(state=LetterState.SENT, sent_at=at, attempts=1)
    Invoice.objects.filter(pk=written.invoice_id, sent_at=None).update(sent_at=at)
