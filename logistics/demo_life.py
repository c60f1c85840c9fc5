"""What the demo's people do each minute: drivers answer and drive on, stations sell and ask for gas."""

import contextlib
import random
from decimal import Decimal

from django.utils.timezone import now

from logistics import actions, demo
from logistics.dispatch import answers, candidates
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import ASSIGNABLE, StockRequest
from logistics.fleet import shifts
from logistics.fleet.models import Driver, Station
from logistics.trips import services as trips
from logistics.trips.models import IN_PROGRESS, Trip, TripStatus

ANSWERS = ("accept", "accept", "accept", "decline", "silence")
REASONS = ("Flat tyre", "Waiting for papers", "At the workshop")
MOST_OPEN = 3  # requests; beyond it the demo assigns the oldest itself, so that it never silts up


def live(minutes: int = 1) -> dict[str, int]:
    """One minute of the demo's life; what people do goes on beside it."""
    chance = random.Random()  # noqa: S311
    drivers = demo.demo_drivers()
    answered = sum(answer(driver, chance) for driver in drivers)
    moved = sum(drive(driver) for driver in drivers)
    line_up(chance.choice(drivers))
    demo.sell(minutes)
    asked = [ask(station, chance) for station in demo.thirsty()]
    return {"answered": answered, "moved": moved, "asked": len(asked), "assigned": relieve()}


def answer(driver: Driver, chance: random.Random) -> bool:
    """Most accept; a few decline, and a few never answer."""
    for offer in answers.open_offers([driver], now()):
        choice = random.Random(offer.pk * 31 + offer.expiries).choice(ANSWERS)  # noqa: S311
        try:
            if choice == "accept":
                actions.accept(offer.pk, driver)
            elif choice == "decline":
                actions.decline(offer.pk, driver, chance.choice(REASONS))
        except Refused:
            return False  # withdrawn or over meanwhile
        return choice != "silence"
    return False


def drive(driver: Driver) -> bool:
    trip = Trip.objects.filter(
        driver=driver, stock_request__isnull=False, status__in=(TripStatus.ASSIGNED, *IN_PROGRESS)
    ).first()
    return trip is not None and actions.move_trip(trip, trips.NEXT[TripStatus(trip.status)])


def line_up(driver: Driver) -> None:
    """One who has nothing to do goes to the station and waits."""
    shift = shifts.active_shift(driver, now())
    if shift is None or answers.open_offers([driver], now()).exists():
        return
    with contextlib.suppress(Refused):  # he waits already, or is on a trip
        actions.join_queue(shift)


def ask(station: Station, chance: random.Random) -> StockRequest:
    kilograms = Decimal(chance.randrange(600, 1400, 50))
    return actions.ask_for_gas(station, kilograms, None, chance.choice("NNHC"))


def relieve() -> int:
    """Assign the oldest request where too many wait for the person who plays."""
    waiting = StockRequest.objects.filter(status__in=ASSIGNABLE).select_related("dbs__parent_station")
    if waiting.count() <= MOST_OPEN:
        return 0
    oldest = waiting.order_by("created_at")[0]
    home = Station.objects.get(daughters=oldest.dbs_id)
    for each in candidates.available(home, now(), oldest):
        if each.driver.user.username.startswith(demo.PREFIX):
            actions.assign(oldest, each.driver.pk, None)
            return 1
    return 0
