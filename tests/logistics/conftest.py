"""The cast of dispatch: a mother station and its daughter, the EIC, the operator, two drivers on duty."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils.timezone import now

from ims.accounts.models import User
from logistics.dispatch.models import RequestStatus, StockRequest
from logistics.fleet import services as fleet
from logistics.fleet.models import Driver, Shift, ShiftStatus, StaffRole, Station, Vehicle
from logistics.notifications import devices
from logistics.notifications.models import DeviceToken
from tests.conftest import make_user
from tests.peers.fixtures import fcm, smtp

__all__ = ["fcm", "smtp"]


@pytest.fixture
def ms(db) -> Station:
    return Station.objects.create(type="MS", code="MS-V1", name="Vadodara MS", lat="22.31", lng="73.18")


@pytest.fixture
def dbs(ms) -> Station:
    """Its stock lasts five hours at this rate."""
    return Station.objects.create(
        type="DBS",
        code="DBS-A1",
        name="Anand DBS",
        parent_station=ms,
        lat="22.56",
        lng="72.95",
        capacity_kg=5000,
        current_stock_kg=1000,
        sale_rate_kg_per_hour=200,
        lead_time_minutes=120,
    )


@pytest.fixture
def other_ms(db) -> Station:
    return Station.objects.create(type="MS", code="MS-S1", name="Surat MS")


@pytest.fixture
def eic(ms) -> User:
    """Engineer in charge of the mother station."""
    user = make_user("eic")
    fleet.appoint(user, ms, StaffRole.EIC)
    return user


@pytest.fixture
def other_eic(other_ms) -> User:
    """Engineer in charge elsewhere: our requests do not exist for him."""
    user = make_user("other-eic")
    fleet.appoint(user, other_ms, StaffRole.EIC)
    return user


@pytest.fixture
def station_operator(dbs) -> User:
    user = make_user("station-operator")
    fleet.appoint(user, dbs, StaffRole.OPERATOR)
    return user


@pytest.fixture
def patient(db) -> User:
    return make_user("patient", "patient")


@pytest.fixture
def on_duty(ms) -> Callable[..., Driver]:
    """A driver with a vehicle and an approved shift around now: `on_duty("ravi")`."""

    def make(username: str, **vehicle_fields: object) -> Driver:
        user = make_user(username, first_name=username.title())
        facts = {"registration": f"GJ-06-{username.upper()}", "ms_home": ms, **vehicle_fields}
        vehicle = Vehicle.objects.create(**facts)
        driver = fleet.make_driver(user, licence="GJ06-1", assigned_vehicle=vehicle)
        give_shift(driver, vehicle)
        return driver

    return make


def give_shift(driver: Driver, vehicle: Vehicle, **fields: object) -> Shift:
    around_now = {"start": now() - timedelta(hours=2), "end": now() + timedelta(hours=6)}
    facts = {"status": ShiftStatus.APPROVED, **around_now, **fields}
    return Shift.objects.create(driver=driver, vehicle=vehicle, **facts)


def wish(driver: Driver, **fields: object) -> Shift:
    """A shift of two hours, tomorrow, that waits for the EIC."""
    soon = now() + timedelta(days=1)
    facts = {"start": soon, "end": soon + timedelta(hours=2), **fields}
    return give_shift(driver, driver.assigned_vehicle, status=ShiftStatus.PENDING, **facts)


@pytest.fixture
def driver(on_duty) -> Driver:
    return on_duty("ravi")


@pytest.fixture
def other_driver(on_duty) -> Driver:
    return on_duty("meena")


@pytest.fixture
def asked(dbs) -> Callable[..., StockRequest]:
    """A pending stock request: `asked(priority="C")`."""

    def make(**fields: object) -> StockRequest:
        return StockRequest.objects.create(**{"dbs": dbs, "requested_qty_kg": Decimal(800), **fields})

    return make


@pytest.fixture
def request_(asked) -> StockRequest:
    return asked()


@pytest.fixture
def offered(asked) -> Callable[..., StockRequest]:
    """A request that a driver was offered so many seconds ago, as outside code may have written it."""

    def make(driver: Driver, seconds_ago: float = 0, **fields: object) -> StockRequest:
        return asked(
            status=RequestStatus.ASSIGNING,
            assignment_mode="MANUAL",
            target_driver=driver,
            assignment_started_at=now() - timedelta(seconds=seconds_ago),
            **fields,
        )

    return make


def phone_of(user: User, token: str = "") -> DeviceToken:
    return devices.register(user, token or f"phone-of-{user.username}")
