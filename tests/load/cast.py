"""The firm under load: its people, stations, vehicles, orders, offers and licences, made before it begins."""

import random
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any

from tests.load.visits import Person

PASSWORD = "a-password-for-the-load"
STATIONS, DAUGHTERS = 2, 4  # mother stations, and daughters of each
TRUCKS, AMBULANCES = 5, 10  # drivers of each mother station, and of transports
STAFF = {
    "operations": 4,
    "operator": 2,
    "read-only": 1,
    "dispatcher": 2,
    "accountant": 2,
    "buyer": 4,
    "licence manager": 3,
}
SHEETS = (200, 800, 3000)  # rows of price requests; small ones are asked most


@dataclass
class Ride:
    """A driver who makes one transport after the other. Whoever goes on with it holds the lock."""

    driver: Person
    driver_id: int
    trip: int | None = None
    odometer: float = 1000.0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Firm:
    people: dict[str, list[Person]] = field(default_factory=dict)
    rides: list[Ride] = field(default_factory=list)
    truckers: list[Person] = field(default_factory=list)
    eics: list[tuple[Person, int]] = field(default_factory=list)  # and the mother station
    operators: list[tuple[Person, int]] = field(default_factory=list)  # and the daughter station
    patients: list[int] = field(default_factory=list)
    contract: int = 0
    product: int = 0
    slips: list[int] = field(default_factory=list)
    licences: list[int] = field(default_factory=list)
    sheets: list[bytes] = field(default_factory=list)
    group: str = ""
    vendor: Any = None  # the stand-in for Track123
    secrets: dict[str, str] = field(default_factory=dict)

    def one(self, role: str, chance: random.Random) -> Person:
        return chance.choice(self.people[role])

    def everybody(self) -> list[Person]:
        staff = [person for role in self.people.values() for person in role]
        posts = [person for person, _ in [*self.eics, *self.operators]]
        return [*staff, *posts, *self.truckers, *(ride.driver for ride in self.rides)]


def found() -> Firm:
    """Fill an empty database."""
    firm = Firm()
    hire(firm)
    build_stations(firm)
    buy_ambulances(firm)
    stock_shop(firm)
    stock_trade(firm)
    stock_licences(firm)
    return firm


class Hiring:
    """Everybody has the same password, whose digest is made once."""

    digest = ""

    @classmethod
    def user(cls, username: str, *roles: str) -> Any:
        from django.contrib.auth.hashers import make_password
        from django.contrib.auth.models import Group

        from ims.accounts.models import User

        cls.digest = cls.digest or make_password(PASSWORD)
        user = User(username=username, email=f"{username}@load.example", password=cls.digest)
        user.save()
        user.groups.set(Group.objects.get_or_create(name=each)[0] for each in roles)
        return user


def hire(firm: Firm) -> None:
    for role, count in STAFF.items():
        names = [f"{role.replace(' ', '-')}-{number}" for number in range(count)]
        firm.people[role] = [Person(Hiring.user(name, role).username, PASSWORD) for name in names]


def build_stations(firm: Firm) -> None:
    from logistics.fleet import services as fleet
    from logistics.fleet.models import StaffRole, Station

    for number in range(STATIONS):
        mother = Station.objects.create(type="MS", code=f"MS{number}", name=f"Mother {number}")
        eic = Hiring.user(f"eic-{number}")
        fleet.appoint(eic, mother, StaffRole.EIC)
        firm.eics.append((Person(eic.username, PASSWORD), mother.pk))
        for place in range(DAUGHTERS):
            daughter = Station.objects.create(
                type="DBS",
                code=f"DBS{number}{place}",
                name=f"Daughter {number}{place}",
                parent_station=mother,
                capacity_kg=900_000,
                current_stock_kg=500,
                sale_rate_kg_per_hour=200,
                lead_time_minutes=90,
            )
            operator = Hiring.user(f"station-{number}{place}")
            fleet.appoint(operator, daughter, StaffRole.OPERATOR)
            firm.operators.append((Person(operator.username, PASSWORD), daughter.pk))
        for truck in range(TRUCKS):
            firm.truckers.append(add_driver(f"trucker-{number}{truck}", f"T-{number}{truck}", mother)[0])


def add_driver(username: str, registration: str, home: Any = None) -> tuple[Person, int]:
    """On duty around the clock, with a phone."""
    from django.utils.timezone import now

    from logistics.fleet import services as fleet
    from logistics.fleet.models import Shift, Vehicle
    from logistics.notifications import devices

    kind = "cascade_truck" if home else "ambulance"
    vehicle = Vehicle.objects.create(registration=registration, ms_home=home, type=kind)
    user = Hiring.user(username)
    driver = fleet.make_driver(user, assigned_vehicle=vehicle)
    begin = now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    Shift.objects.create(
        driver=driver, vehicle=vehicle, start=begin, end=begin, is_recurring=True, status="APPROVED"
    )
    devices.register(user, f"phone-of-{username}")
    return Person(username, PASSWORD, has_browser=False), driver.pk


def buy_ambulances(firm: Firm) -> None:
    from django.utils.timezone import now

    from logistics.trips.models import Company, Contract, Patient

    for number in range(AMBULANCES):
        firm.rides.append(Ride(*add_driver(f"ambulance-{number}", f"A-{number}")))
    company = Company.objects.create(name="Care Insurance", billing_email="billing@care.example")
    contract = Contract.objects.create(company=company, number="C-1", start=now().date() - timedelta(days=9))
    firm.contract = contract.pk
    for number in range(30):
        patient = Patient.objects.create(
            medical_record_number=f"MRN-{number}", name=f"Patient {number}", email=f"p{number}@load.example"
        )
        firm.patients.append(patient.pk)


def stock_shop(firm: Firm) -> None:
    from masterdata import demo
    from masterdata.models import PackingSlip, Product

    demo.fill()
    firm.product = Product.objects.values_list("pk", flat=True)[0]
    firm.slips = list(PackingSlip.objects.values_list("pk", flat=True))


def stock_trade(firm: Firm) -> None:
    from crossdock import demo, view

    demo.fill()
    view.refresh()
    firm.group = next(iter(demo.GROUPS))
    firm.sheets = [price_request(demo.request_rows(rows)) for rows in SHEETS]


def price_request(rows: list[tuple[str, str]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in [("Бренд", "Артикул"), *rows]:
        sheet.append(row)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def stock_licences(firm: Firm) -> None:
    from licensing import demo
    from licensing.models import License

    demo.fill()
    firm.licences = list(License.objects.values_list("pk", flat=True))
