"""A gas firm for `make run`: stations, drivers who answer, stations that sell and ask again.

Only where DEBUG is on. Whatever people did stays; the demo's own drivers are named demo-….
"""

import random
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib.local_time import local_day, midnight
from logistics.dispatch.models import OPEN, Answer, Offer, Priority, RequestStatus, StockRequest
from logistics.fleet import services as fleet
from logistics.fleet import shifts
from logistics.fleet.models import Driver, Shift, ShiftStatus, StaffRole, Station, Vehicle
from logistics.notifications import devices
from logistics.trips.models import Patient, Trip, TripStatus

PREFIX = "demo-"  # of the drivers' names
MOTHERS = (("MS-BRD", "Vadodara MS", "22.3072", "73.1812"), ("MS-SUR", "Surat MS", "21.1702", "72.8311"))
DAUGHTERS = (  # mother, code, name, place, capacity, stock, sale an hour, way in minutes
    ("MS-BRD", "DBS-AND", "Anand", "22.5645", "72.9289", 4500, 380, 210, 95),
    ("MS-BRD", "DBS-NAD", "Nadiad", "22.6916", "72.8634", 5200, 1650, 240, 130),
    ("MS-BRD", "DBS-BHA", "Bharuch", "21.7051", "72.9959", 4000, 820, 190, 150),
    ("MS-BRD", "DBS-GOD", "Godhra", "22.7788", "73.6143", 3600, 2900, 120, 170),
    ("MS-SUR", "DBS-NAV", "Navsari", "20.9467", "72.9520", 4200, 1200, 200, 80),
    ("MS-SUR", "DBS-VAL", "Valsad", "20.5992", "72.9342", 3800, 640, 170, 160),
)
HOMES = {row[1]: row[0] for row in DAUGHTERS}
DRIVERS = (("ravi", "Ravi", "Patel"), ("meena", "Meena", "Shah"), ("arjun", "Arjun", "Desai"),
           ("kiran", "Kiran", "Joshi"), ("farid", "Farid", "Khan"), ("leela", "Leela", "Mehta"))  # fmt: skip
RELIEF = (
    ("kavita", "Kavita", "Rana", 6, 9),
    ("sunil", "Sunil", "Vora", 22, 8),
)  # wish to begin at, for hours
PATIENTS = (("MRN-10021", "Asha Trivedi"), ("MRN-10034", "Imran Sheikh"), ("MRN-10052", "Nita Rao"))
HISTORY_DAYS = 14
LEAST_STOCK = Decimal(50)  # kg


@transaction.atomic
def fill(person: User) -> bool:
    """Make the firm, with this person as EIC, operator and driver; False where it is there already."""
    if Station.objects.filter(code=MOTHERS[0][0]).exists():
        return False
    mothers = {row[0]: add_mother(*row) for row in MOTHERS}
    daughters = [add_daughter(mothers[row[0]], *row[1:]) for row in DAUGHTERS]
    add_driver(person, mothers["MS-BRD"], "GJ-06-TC-4471")
    drivers = [add_demo_driver(number, mothers, *row) for number, row in enumerate(DRIVERS)]
    appoint(person, [*mothers.values()], daughters[0])
    add_history(daughters, drivers, person)
    add_requests(daughters, person)
    ask_for_shifts(mothers["MS-BRD"])
    add_transports(drivers)
    return True


def add_mother(code: str, name: str, lat: str, lng: str) -> Station:
    return Station.objects.create(type="MS", code=code, name=name, lat=lat, lng=lng)


def add_daughter(
    mother: Station, code: str, town: str, lat: str, lng: str, capacity: int, stock: int, rate: int, way: int
) -> Station:
    return Station.objects.create(
        type="DBS",
        code=code,
        name=f"{town} DBS",
        parent_station=mother,
        lat=lat,
        lng=lng,
        capacity_kg=capacity,
        current_stock_kg=stock,
        sale_rate_kg_per_hour=rate,
        lead_time_minutes=way,
    )


def add_demo_driver(number: int, mothers: dict[str, Station], name: str, first: str, last: str) -> Driver:
    user = add_user(name, first, last)
    home = mothers["MS-BRD" if number < 4 else "MS-SUR"]
    return add_driver(user, home, f"GJ-{6 if number < 4 else 5:02d}-TC-{4480 + number}")


def add_user(name: str, first: str, last: str) -> User:
    user = User(username=PREFIX + name, first_name=first, last_name=last, email=f"{name}@demo.example")
    user.set_unusable_password()
    user.save()
    return user


def add_driver(user: User, home: Station, registration: str) -> Driver:
    """On duty around the clock, so that the demo works at any hour."""
    vehicle = Vehicle.objects.create(registration=registration, ms_home=home)
    driver = fleet.make_driver(user, licence=f"GJ06 2019 00{vehicle.pk:04d}", assigned_vehicle=vehicle)
    begin = this_morning() - timedelta(days=30)
    Shift.objects.create(
        driver=driver, vehicle=vehicle, start=begin, end=begin, is_recurring=True, status=ShiftStatus.APPROVED
    )
    devices.register(user, f"demo-phone-of-{user.username}")
    return driver


def appoint(person: User, mothers: list[Station], daughter: Station) -> None:
    for mother in mothers:
        fleet.appoint(person, mother, StaffRole.EIC)
    fleet.appoint(person, daughter, StaffRole.OPERATOR)


def this_morning() -> datetime:
    return midnight(local_day(now()))


def add_history(daughters: list[Station], drivers: list[Driver], person: User) -> None:
    """Deliveries of the last two weeks."""
    chance = random.Random(20261122)  # noqa: S311 - the same firm each time
    for day in range(HISTORY_DAYS, 0, -1):
        for station in daughters:
            asked = this_morning() - timedelta(days=day) + timedelta(minutes=chance.randint(300, 1100))
            driver = chance.choice(drivers[:4] if HOMES[station.code] == "MS-BRD" else drivers[4:])
            add_delivery(station, driver, person, asked, chance)


def add_delivery(
    station: Station, driver: Driver, person: User, asked: datetime, chance: random.Random
) -> None:
    kilograms = Decimal(chance.randrange(600, 1400, 50))
    accepted = asked + timedelta(minutes=chance.randint(3, 20))
    request = StockRequest.objects.create(
        dbs=station,
        requested_qty_kg=kilograms,
        priority=chance.choice(["N", "N", "N", "H", "C"]),
        status=RequestStatus.COMPLETED,
        assignment_mode="MANUAL",
        target_driver=driver,
        requested_by=person,
        approved_by=person,
        approved_at=accepted,
        created_at=asked,
    )
    Offer.objects.create(
        request=request,
        driver=driver,
        vehicle=driver.assigned_vehicle,
        offered_by=person,
        offered_at=accepted - timedelta(minutes=2),
        answer=Answer.ACCEPTED,
        answered_at=accepted,
    )
    moves = ["assigned", "en_route", "at_pickup", "in_transit", "arrived", "completed"]
    times = {f"{move}_at": accepted + timedelta(minutes=25 * place) for place, move in enumerate(moves)}
    Trip.objects.create(
        stock_request=request,
        driver=driver,
        vehicle=driver.assigned_vehicle,
        status=TripStatus.COMPLETED,
        status_changed_at=times["completed_at"],
        pickup_place=dict(row[:2] for row in MOTHERS)[HOMES[station.code]],
        dropoff_place=station.name,
        scheduled_pickup_time=accepted,
        delivered_kg=kilograms,
        created_at=accepted,
        **times,
    )


def add_requests(daughters: list[Station], person: User) -> None:
    """What is open now: of each mother station at least one."""
    wanted = (
        (0, "FDODO", 1200, 6),
        (1, "N", 900, 25),
        (2, "H", 800, 14),
        (4, "N", 1000, 31),
        (5, "C", 900, 9),
    )
    for place, priority, kilograms, minutes in wanted:
        StockRequest.objects.create(
            dbs=daughters[place],
            requested_qty_kg=kilograms,
            priority=Priority(priority),
            requested_by=person,
            created_at=now() - timedelta(minutes=minutes),
        )


def ask_for_shifts(home: Station) -> None:
    """Two more drivers, not on duty yet, would like to begin tomorrow."""
    for number, (name, first, last, start, hours) in enumerate(RELIEF):
        vehicle = Vehicle.objects.create(registration=f"GJ-06-TC-{4490 + number}", ms_home=home)
        driver = fleet.make_driver(add_user(name, first, last), assigned_vehicle=vehicle)
        begin = this_morning() + timedelta(days=1, hours=start)
        shifts.propose(driver, vehicle, begin, begin + timedelta(hours=hours))


def add_transports(drivers: list[Driver]) -> None:
    """Planned trips of patients."""
    ambulance = Vehicle.objects.create(registration="GJ-06-AM-0112", type="ambulance")
    for number, (record, name) in enumerate(PATIENTS):
        patient = Patient.objects.create(
            medical_record_number=record, name=name, email=f"{record.lower()}@demo.example"
        )
        Trip.objects.create(
            patient=patient,
            driver=drivers[number],
            vehicle=ambulance,
            status=TripStatus.ASSIGNED,
            assigned_at=now(),
            pickup_place="12 Alkapuri, Vadodara",
            dropoff_place="SSG Hospital, Vadodara",
            scheduled_pickup_time=this_morning() + timedelta(days=1, hours=8 + number),
        )


def demo_drivers() -> list[Driver]:
    return list(Driver.objects.filter(user__username__startswith=PREFIX).select_related("user"))


def sell(minutes: int) -> None:
    """Every daughter station of the demo sells for so many minutes, and keeps a little."""
    codes = [row[1] for row in DAUGHTERS]
    for station in Station.objects.filter(code__in=codes):
        sold = station.sale_rate_kg_per_hour * minutes / 60
        left = Greatest(F("current_stock_kg") - sold, Value(LEAST_STOCK))
        Station.objects.filter(pk=station.pk).update(current_stock_kg=left, updated_at=now())


def thirsty() -> list[Station]:
    """Stations of the demo that should ask for gas now and have not."""
    codes = [row[1] for row in DAUGHTERS]
    asked = StockRequest.objects.filter(status__in=OPEN).values("dbs")
    found = Station.objects.filter(code__in=codes).exclude(pk__in=asked)
    return [station for station in found if (station.slack_minutes or 0) < 300]
