"""Who pays for a trip, by which terms, and where the invoice is sent."""

from dataclasses import dataclass

from django.conf import settings

from logistics.billing.models import Invoice, Tariff
from logistics.billing.pricing import Terms
from logistics.trips.models import Company, Contract, Patient, Trip


@dataclass(frozen=True)
class Payer:
    """A company under a contract, or a patient."""

    company: Company | None = None
    contract: Contract | None = None
    patient: Patient | None = None

    @property
    def name(self) -> str:
        payer = self.company or self.patient
        return payer.name if payer else ""

    @property
    def address(self) -> str:
        return self.company.billing_address if self.company else ""


def payer_of(trip: Trip) -> Payer | None:
    """The company where there is a contract, else the patient; a delivery without a contract is free."""
    if trip.contract is not None:
        return Payer(company=trip.contract.company, contract=trip.contract)
    return Payer(patient=trip.patient) if trip.patient is not None else None


def terms_of(contract: Contract | None) -> Terms:
    """The contract's tariff; where it says nothing, the settings."""
    tariff = Tariff.objects.filter(contract=contract).first() if contract else None
    own = tariff or Tariff()
    return Terms(
        base_fee=settings.INVOICE_BASE_FEE if own.base_fee is None else own.base_fee,
        price_per_km=settings.INVOICE_PRICE_PER_KM if own.price_per_km is None else own.price_per_km,
        tax_percent=settings.INVOICE_TAX_PERCENT if own.tax_percent is None else own.tax_percent,
        due_days=settings.INVOICE_DUE_DAYS if own.due_days is None else own.due_days,
    )


def email_of(invoice: Invoice) -> str:
    """Where it goes today: to the company's billing address, or to the patient."""
    if invoice.company is not None:
        return invoice.company.billing_email
    patient = invoice.patient
    if patient is None:
        return ""
    return patient.email or (patient.user.email if patient.user else "")
