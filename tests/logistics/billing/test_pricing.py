"""Money: the worked examples, rounding, and whose prices apply."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics.billing import payers
from logistics.billing.models import Tariff
from logistics.billing.pricing import Terms, cents, price

USUAL = Terms(Decimal(50), Decimal("2.50"), Decimal(15), 30)
amounts = st.decimals(0, 100_000, places=2)
kilometres = st.decimals(0, 1_000_000, places=3)
terms = st.builds(Terms, amounts, st.decimals(0, 1000, places=4), st.decimals(0, 100, places=2), st.just(30))


@pytest.mark.parametrize(
    ("km", "subtotal", "tax", "total"),
    [
        ("10", "75.00", "11.25", "86.25"),
        ("0", "50.00", "7.50", "57.50"),
        ("9.8", "74.50", "11.18", "85.68"),  # 11.175 up
        ("0.002", "50.01", "7.50", "57.51"),  # 0.005 up
        ("1000000", "2500050.00", "375007.50", "2875057.50"),
    ],
)
def test_worked_examples(km, subtotal, tax, total):
    found = price(Decimal(km), USUAL)
    assert (str(found.subtotal), str(found.tax), str(found.total)) == (subtotal, tax, total)


@given(kilometres, terms)
@settings(max_examples=200)
def test_each_line_is_whole_cents_and_they_add_up(km, by):
    found = price(km, by)
    parts = (found.base_fee, found.distance_fee, found.tax)
    assert all(part == part.quantize(Decimal("0.01")) and part >= 0 for part in parts)
    assert found.base_fee + found.distance_fee + found.tax == found.total
    assert found.subtotal == (by.base_fee + by.price_per_km * km).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert abs(found.tax - found.subtotal * by.tax_percent / 100) <= Decimal("0.005")


@given(kilometres, kilometres, terms)
@settings(max_examples=100)
def test_a_longer_way_never_costs_less(one, other, by):
    short, far = sorted((one, other))
    assert price(short, by).total <= price(far, by).total


@given(st.integers(0, 10**9))
@settings(max_examples=100)
def test_half_a_cent_goes_up(thousandths):
    exact = Decimal(thousandths * 10 + 5) / 1000
    assert cents(exact) - exact == Decimal("0.005")


@pytest.mark.django_db
def test_a_contracts_tariff_goes_before_the_settings_field_by_field(contract, settings):
    assert payers.terms_of(contract) == payers.terms_of(None) == USUAL
    Tariff.objects.create(contract=contract, base_fee=Decimal(0), due_days=14)
    settings.INVOICE_PRICE_PER_KM = Decimal("3.1250")
    own = payers.terms_of(contract)
    assert own == Terms(Decimal(0), Decimal("3.1250"), Decimal(15), 14)
