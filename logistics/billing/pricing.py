"""What a trip costs: pure functions of a distance and terms. Cents are rounded here alone, half up."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Terms:
    """By which a payer is charged, in INVOICE_CURRENCY."""

    base_fee: Decimal
    price_per_km: Decimal
    tax_percent: Decimal
    due_days: int


@dataclass(frozen=True)
class Price:
    """The lines of an invoice; each adds up to the cent with those above it."""

    base_fee: Decimal
    distance_fee: Decimal
    tax: Decimal

    @property
    def subtotal(self) -> Decimal:
        return self.base_fee + self.distance_fee

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


def price(km: Decimal, terms: Terms) -> Price:
    """10 km by the default terms: 50.00 and 25.00, 11.25 of tax, 86.25 in all."""
    base_fee, distance_fee = cents(terms.base_fee), cents(km * terms.price_per_km)
    return Price(base_fee, distance_fee, cents((base_fee + distance_fee) * terms.tax_percent / 100))


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
