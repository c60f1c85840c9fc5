"""The demo's vehicles drive along streets, as one would see it; who has arrived goes on to the next stop."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from logistics import trip_actions
from logistics.demo_trips import HOMES, HOSPITALS, PATIENTS, PREFIX, Place, plan
from logistics.fleet.models import Driver
from logistics.trips.distance import haversine_km
from logistics.trips.errors import TripRefused
from logistics.trips.gps import NewFix
from logistics.trips.models import IN_PROGRESS, OPEN, Patient, Trip, TripStatus
from logistics.trips.planning import Crew
from logistics.trips.services import NEXT

KMH = 42
PACE = 3  # times as fast as in truth, so that a newcomer sees arrivals
AT_A_STOP = timedelta(seconds=25)  # how long they stand at a stop
CORNERS = 7  # of a way


def drive(at: datetime) -> int:
    """Bring every trip of the demo to where it is by now; returns how many fixes were sent."""
    trips = Trip.objects.filter(
        driver__user__username__startswith=PREFIX, status__in=(TripStatus.ASSIGNED, *IN_PROGRESS)
    )
    moving = trips.exclude(driver__user__username=f"{PREFIX}vijay").select_related("driver__user", "vehicle")
    sent = sum(go_on(trip, at) for trip in moving)
    keep_busy()
    return sent


def go_on(trip: Trip, at: datetime) -> int:
    """One look at one trip: a fix where it drives, the next status where it has arrived or waited."""
    since = at - (trip.status_changed_at or at)
    if trip.status in (TripStatus.EN_ROUTE, TripStatus.IN_TRANSIT):
        seen = place_after(way_of(trip), KMH * PACE * since.total_seconds() / 3600)
        send(trip, seen, at)
        if seen.is_end:
            step(trip)
        return 1
    starts = trip.status == TripStatus.ASSIGNED and (trip.scheduled_pickup_time or at) > at + timedelta(
        minutes=4
    )
    if since >= AT_A_STOP and not starts:
        step(trip)
    return 0


def step(trip: Trip) -> None:
    try:
        trip_actions.move(trip, NEXT[TripStatus(trip.status)], None)
    except TripRefused:
        return  # the crew is still busy, or somebody was faster


def send(trip: Trip, seen: "Seen", at: datetime) -> None:
    fix = NewFix(
        Decimal(f"{seen.place[0]:.6f}"),
        Decimal(f"{seen.place[1]:.6f}"),
        at,
        Decimal(0) if seen.is_end else Decimal(f"{seen.kmh:.1f}"),
        seen.heading,
    )
    trip_actions.ingest(trip, [fix])


def keep_busy() -> None:
    """Who has no trip gets one, with the patient who was driven longest ago."""
    for driver in Driver.objects.filter(user__username__startswith=PREFIX).select_related("assigned_vehicle"):
        if Trip.objects.filter(driver=driver, status__in=OPEN).exists() or driver.assigned_vehicle is None:
            continue
        patient = Patient.objects.filter(medical_record_number__in=[row[0] for row in PATIENTS]).order_by(
            "updated_at"
        )[0]
        patient.save(update_fields=["updated_at"])
        trip_actions.assign(plan(patient, None, minutes=4), Crew(driver, driver.assigned_vehicle), None)


# --- Ways -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """Where a vehicle is on its way."""

    place: Place
    heading: int
    kmh: float
    is_end: bool


def way_of(trip: Trip) -> list[Place]:
    """From where it was when it set off to its next stop, the same each time it is asked."""
    pickup, dropoff = stop(trip.pickup_lat, trip.pickup_lng), stop(trip.dropoff_lat, trip.dropoff_lng)
    if trip.status == TripStatus.EN_ROUTE:
        return street_way(HOSPITALS[trip.pk % len(HOSPITALS)][1:], pickup, seed=trip.pk)
    return street_way(pickup, dropoff, seed=-trip.pk)


def stop(lat: Decimal | None, lng: Decimal | None) -> Place:
    return float(lat or HOMES[0][1]), float(lng or HOMES[0][2])


def street_way(begin: Place, end: Place, seed: int) -> list[Place]:
    """Along streets that run north and east: some of the way in one direction, then in the other."""
    chance = random.Random(seed)  # noqa: S311
    shares = [sorted([0.0, 1.0, *(chance.random() for _ in range(CORNERS))]) for _ in range(2)]
    norths, easts = (
        [b + (e - b) * share for share in row] for b, e, row in zip(begin, end, shares, strict=True)
    )
    return list(_corners(norths, easts))


def _corners(norths: list[float], easts: list[float]) -> Iterator[Place]:
    yield norths[0], easts[0]
    for (_, north), (before, east) in zip(pairwise(norths), pairwise(easts), strict=True):
        yield north, before
        yield north, east


def place_after(way: list[Place], km: float) -> Seen:
    """Where one is after so many kilometres of a way."""
    for one, other in pairwise(way):
        length = haversine_km(one, other)
        if length and km < length:
            share = km / length
            place = (one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share)
            slow = 0.6 + 0.4 * math.sin(math.pi * share)  # around corners
            return Seen(place, heading(one, other), KMH * slow, is_end=False)
        km -= length
    return Seen(way[-1], 0, 0, is_end=True)


def heading(one: Place, other: Place) -> int:
    """Degrees from north, clockwise; good enough for a town."""
    east = (other[1] - one[1]) * math.cos(math.radians(one[0]))
    return round(math.degrees(math.atan2(east, other[0] - one[0]))) % 360
