"""The cast of trips: a dispatcher, a crew, a patient with a login, and a transport."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils.timezone import now

from ims.accounts import roles
from ims.accounts.models import User
from logistics import trip_actions
from logistics.fleet import services as fleet
from logistics.fleet.models import Driver, Vehicle
from logistics.trips.models import Patient, Trip, TripStatus
from logistics.trips.planning import Crew
from tests.conftest import make_user
from tests.peers.fixtures import fcm, smtp

__all__ = ["fcm", "smtp"]
WAY = (
    TripStatus.EN_ROUTE,
    TripStatus.AT_PICKUP,
    TripStatus.IN_TRANSIT,
    TripStatus.ARRIVED,
    TripStatus.COMPLETED,
)


@pytest.fixture
def dispatcher(db) -> User:
    return make_user("dispatcher", roles.DISPATCHER)


@pytest.fixture
def make_driver(db) -> Callable[[str], Driver]:
    """A driver with an ambulance of his own."""

    def make(username: str) -> Driver:
        vehicle = Vehicle.objects.create(registration=f"AM-{username.upper()}", type="ambulance")
        return fleet.make_driver(
            make_user(username, first_name=username.title()), licence="L1", assigned_vehicle=vehicle
        )

    return make


@pytest.fixture
def driver(make_driver) -> Driver:
    return make_driver("ravi")


@pytest.fixture
def other_driver(make_driver) -> Driver:
    return make_driver("meena")


@pytest.fixture
def paramedic(db) -> User:
    return make_user("paramedic", roles.PARAMEDIC)


@pytest.fixture
def patient(db) -> Patient:
    """She has a login, whose id is not her id as a patient."""
    return Patient.objects.create(
        medical_record_number="MRN-SECRET-1",
        name="Asha Trivedi",
        email="asha@example.com",
        user=make_user("asha", roles.PATIENT),
    )


@pytest.fixture
def pending(patient) -> Trip:
    return trip_actions.create(
        None,
        patient=patient,
        pickup_place="12 Alkapuri",
        pickup_lat="22.310000",
        pickup_lng="73.170000",
        dropoff_place="SSG Hospital",
        dropoff_lat="22.300000",
        dropoff_lng="73.200000",
        scheduled_pickup_time=now() + timedelta(minutes=20),
        notes="allergic to penicillin",
    )


@pytest.fixture
def trip(pending, driver, paramedic) -> Trip:
    """Assigned, not on its way yet."""
    trip_actions.assign(pending, Crew(driver, driver.assigned_vehicle, paramedic), None)
    return pending


@pytest.fixture
def under_way(trip) -> Trip:
    trip_actions.move(trip, TripStatus.EN_ROUTE, None)
    return trip


def go(trip: Trip, upto: TripStatus = TripStatus.COMPLETED) -> Trip:
    """Step by step to a status."""
    for status in WAY[: WAY.index(upto) + 1]:
        trip_actions.move(trip, status, None)
    return trip
