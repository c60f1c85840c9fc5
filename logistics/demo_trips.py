"""Transports for `make run`: patients, ambulances and the trips of today. How they move: demo_driving.py.

Only where DEBUG is on. The demo's drivers are named demo-…; trips of others are left alone.
"""

import random
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.timezone import now

from ims.accounts import roles
from ims.accounts.models import User
from logistics import trip_actions
from logistics.fleet import services as fleet
from logistics.fleet.models import Vehicle
from logistics.trips.models import Company, Contract, Patient, Trip, TripStatus
from logistics.trips.planning import Crew

PREFIX = "demo-crew-"
Place = tuple[float, float]  # degrees north and east
HOSPITALS = (
    ("SSG Hospital", 22.3053, 73.1960),
    ("Sterling Hospital", 22.3160, 73.1650),
    ("Bhailal Amin Hospital", 22.3290, 73.1720),
)
HOMES = (
    ("12 Alkapuri", 22.3120, 73.1700),
    ("Manjalpur, lane 4", 22.2720, 73.1940),
    ("Sama, block C", 22.3370, 73.1990),
    ("Gotri, house 88", 22.3180, 73.1340),
    ("Waghodia Road 51", 22.2990, 73.2350),
    ("Akota Garden 7", 22.2950, 73.1680),
)
CREWS = (("nilesh", "Nilesh", "Rathod"), ("pooja", "Pooja", "Solanki"), ("salim", "Salim", "Pathan"))
PATIENTS = (("MRN-20411", "Hansa Patel"), ("MRN-20418", "Ramesh Iyer"), ("MRN-20433", "Zarina Malek"),
            ("MRN-20440", "Dev Chauhan"), ("MRN-20452", "Kavita Joshi"))  # fmt: skip


@transaction.atomic
def fill(person: User) -> bool:
    """Make crews, patients and today's trips; False where they are there already."""
    if User.objects.filter(username=f"{PREFIX}{CREWS[0][0]}").exists():
        return False
    person.groups.add(Group.objects.get_or_create(name=roles.DISPATCHER)[0])
    company = Company.objects.create(name="Gujarat Care Insurance", billing_email="billing@care.demo.example")
    contract = Contract.objects.create(
        company=company, number="GCI-2026-014", start=now().date() - timedelta(days=200)
    )
    patients = [
        Patient.objects.create(
            medical_record_number=record, name=name, email=f"{record.lower()}@demo.example"
        )
        for record, name in PATIENTS
    ]
    crews = [add_crew(number, *row) for number, row in enumerate(CREWS)]
    for number, crew in enumerate(crews):
        trip = plan(patients[number], contract if number % 2 else None, minutes=-3 + 4 * number)
        trip_actions.assign(trip, crew, None)
        if number < 2:
            trip_actions.move(trip, TripStatus.EN_ROUTE, None)
    plan(patients[3], contract, minutes=45)
    add_forgotten(patients[4], crews[2])
    return True


def add_crew(number: int, name: str, first: str, last: str) -> Crew:
    vehicle = Vehicle.objects.create(registration=f"GJ-06-AM-02{number:02d}", type="ambulance")
    driver = fleet.make_driver(add_user(name, first, last), assigned_vehicle=vehicle)
    paramedic = add_user(f"{name}-medic", f"{first}'s", "paramedic")
    fleet.give_role(paramedic, roles.PARAMEDIC)
    return Crew(driver, vehicle, paramedic)


def add_user(name: str, first: str, last: str) -> User:
    user = User(username=PREFIX + name, first_name=first, last_name=last)
    user.set_unusable_password()
    user.save()
    return user


def plan(patient: Patient, contract: Contract | None, minutes: int) -> Trip:
    chance = random.Random(patient.pk * 7 + Trip.objects.filter(patient=patient).count())  # noqa: S311
    home, hospital = chance.choice(HOMES), chance.choice(HOSPITALS)
    return trip_actions.create(
        None,
        patient=patient,
        contract=contract,
        pickup_place=home[0],
        pickup_lat=Decimal(str(home[1])),
        pickup_lng=Decimal(str(home[2])),
        dropoff_place=hospital[0],
        dropoff_lat=Decimal(str(hospital[1])),
        dropoff_lng=Decimal(str(hospital[2])),
        scheduled_pickup_time=now() + timedelta(minutes=minutes),
    )


def add_forgotten(patient: Patient, crew: Crew) -> None:
    """One that nobody has moved for hours, so that the board has something to show."""
    trip = plan(patient, None, minutes=-460)
    ages = {"assigned_at": 480, "en_route_at": 455, "at_pickup_at": 430}
    moments = {name: now() - timedelta(minutes=minutes) for name, minutes in ages.items()}
    spare = Vehicle.objects.create(registration="GJ-06-AM-0209", type="ambulance", status="in_trip")
    user = add_user("vijay", "Vijay", "Parmar")
    Trip.objects.filter(pk=trip.pk).update(
        driver=fleet.make_driver(user, assigned_vehicle=spare),
        vehicle=spare,
        status=TripStatus.AT_PICKUP,
        status_changed_at=moments["at_pickup_at"],
        **moments,
    )
