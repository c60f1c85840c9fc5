"""The cast of billing: an accountant, a patient who pays, a company under a contract, completed trips."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ims.accounts import roles
from ims.accounts.models import User
from logistics.billing import invoices
from logistics.billing.models import CompanyMember, Invoice
from logistics.fleet.models import Driver
from logistics.trips.models import Company, Contract, Trip, TripStatus
from tests.conftest import make_user
from tests.logistics.trips.conftest import dispatcher, driver, make_driver, patient
from tests.peers.fixtures import smtp

__all__ = ["dispatcher", "driver", "make_driver", "patient", "smtp"]
NOON = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)  # 12:00 in India


@pytest.fixture
def accountant(db) -> User:
    return make_user("accountant", roles.ACCOUNTANT)


@pytest.fixture
def contract(db) -> Contract:
    company = Company.objects.create(
        name="Care Insurance", billing_email="billing@care.example", billing_address="Tower B\nVadodara"
    )
    return Contract.objects.create(company=company, number="GCI-14", start=NOON.date() - timedelta(days=90))


@pytest.fixture
def member(contract) -> User:
    """Signs in for the company; holds no role."""
    user = make_user("member")
    CompanyMember.objects.create(company=contract.company, user=user)
    return user


@pytest.fixture
def completed(driver, patient) -> Callable[..., Trip]:
    """A finished transport of 10 km, which the patient pays: `completed(contract=contract)`."""
    return lambda **fields: add_completed(driver, **{"patient": patient, **fields})


def add_completed(driver: Driver, **fields: object) -> Trip:
    facts = {
        "driver": driver,
        "vehicle": driver.assigned_vehicle,
        "status": TripStatus.COMPLETED,
        "completed_at": NOON,
        "pickup_place": "12 Alkapuri",
        "dropoff_place": "SSG Hospital",
        "odometer_start_km": Decimal(100),
        "odometer_end_km": Decimal(110),
    }
    return Trip.objects.create(**{**facts, **fields})


@pytest.fixture
def trip(completed) -> Trip:
    return completed()


@pytest.fixture
def invoice(trip) -> Invoice:
    """Of 86.25 USD, issued at noon of 22 Nov 2026, due on 22 Dec."""
    return issue(trip)


def issue(trip: Trip, at: datetime = NOON) -> Invoice:
    issued = invoices.issue(trip.pk, at).invoice
    assert issued is not None
    return issued
