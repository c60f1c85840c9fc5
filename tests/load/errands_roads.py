"""What people of dispatch, trips and billing do."""

import random
from datetime import UTC, datetime, timedelta

from tests.load.cast import Firm, Ride
from tests.load.traffic import errand
from tests.load.visits import Visit

MOVES = {
    "assigned": "en_route",
    "en_route": "at_pickup",
    "at_pickup": "in_transit",
    "in_transit": "arrived",
    "arrived": "completed",
}
MOVE = 0.12  # how often a driver takes the trip a step on instead of sending fixes
BATCH = 20  # fixes of a phone that was offline for a while
MOST_OPEN = 8  # requests for gas of one station's list before its operator waits


# --- Transports -----------------------------------------------------------------------------------------


@errand(weight=30)
def drives_an_ambulance(visit: Visit, firm: Firm, chance: random.Random) -> None:
    """One step of a transport: plan it, give it its crew, send fixes, take it on."""
    ride = chance.choice(firm.rides)
    if not ride.lock.acquire(blocking=False):
        return
    try:
        if ride.trip is None:
            plan(visit.by(firm.one("dispatcher", chance)), firm, ride, chance)
        else:
            go_on(visit, firm, ride, chance)
    finally:
        ride.lock.release()


def plan(visit: Visit, firm: Firm, ride: Ride, chance: random.Random) -> None:
    facts = {
        "patient_id": chance.choice(firm.patients),
        "contract_id": firm.contract if chance.random() < 0.5 else None,
        "pickup_place": "12 Alkapuri",
        "pickup_lat": 22.31,
        "pickup_lng": 73.17,
        "dropoff_place": "SSG Hospital",
        "dropoff_lat": 22.3053,
        "dropoff_lng": 73.196,
        "scheduled_pickup_time": datetime.now(UTC).isoformat(),
    }
    made = visit.send("trips: plan", "POST", "/api/trips/", expect=(201,), json=facts)
    ride.trip = made.json()["id"]


def go_on(visit: Visit, firm: Firm, ride: Ride, chance: random.Random) -> None:
    dispatcher = visit.by(firm.one("dispatcher", chance))
    trip = dispatcher.get("trips: trip", f"/api/trips/{ride.trip}/").json()
    driver = visit.by(ride.driver)
    if trip["status"] in ("completed", "cancelled"):
        ride.trip = None
    elif trip["status"] == "pending":
        assign(dispatcher, ride)
    elif chance.random() < MOVE or trip["status"] == "assigned":
        move(driver, ride, MOVES[trip["status"]])
    else:
        send_fixes(driver, ride, chance)


def assign(visit: Visit, ride: Ride) -> None:
    visit.send("trips: assign", "POST", f"/api/trips/{ride.trip}/assign/", json={"driver_id": ride.driver_id})


def move(visit: Visit, ride: Ride, status: str) -> None:
    facts: dict[str, object] = {"status": status}
    if status in ("en_route", "completed"):
        ride.odometer += 7.5
        facts["odometer_km"] = round(ride.odometer, 1)
    visit.send("trips: move", "POST", f"/api/trips/{ride.trip}/status/", json=facts)


def send_fixes(visit: Visit, ride: Ride, chance: random.Random) -> None:
    count = BATCH if chance.random() < 0.15 else 1
    at = datetime.now(UTC)
    points = [
        {
            "latitude": 22.3 + chance.random() / 100,
            "longitude": 73.17 + chance.random() / 100,
            "speed": 42.0,
            "heading": 90,
            "recorded_at": (at - timedelta(milliseconds=100 * number)).isoformat(),
        }
        for number in range(count)
    ]
    kind = "trips: a batch of fixes" if count > 1 else "trips: one fix"
    visit.send(kind, "POST", f"/api/trips/{ride.trip}/gps/", expect=(201,), json={"points": points})


@errand(weight=5, role="dispatcher")
def watches_the_roads(visit: Visit, firm: Firm, chance: random.Random) -> None:
    visit.page("trips: board", "/trips/")
    visit.get("trips: list", "/api/trips/")
    if trips := [ride.trip for ride in firm.rides if ride.trip]:
        visit.page("trips: page", f"/trips/{chance.choice(trips)}/")


@errand(weight=1, role="dispatcher")
def shares_a_trip(visit: Visit, firm: Firm, chance: random.Random) -> None:
    trips = [ride.trip for ride in firm.rides if ride.trip]
    if not trips:
        return
    path = f"/api/trips/{chance.choice(trips)}/share/"
    answer = visit.send("trips: share", "POST", path, expect=(201, 400), json={"hours": 2})
    if answer.status_code == 201:
        link = "/share/" + answer.json()["url"].split("/share/")[1]
        visit.plain("trips: shared page", link, expect=(200, 404))  # it may have ended since


# --- Gas ------------------------------------------------------------------------------------------------


@errand(weight=3)
def asks_for_gas(visit: Visit, firm: Firm, chance: random.Random) -> None:
    person, station = chance.choice(firm.operators)
    operator = visit.by(person)
    operator.page("dispatch: station page", "/station/")
    waiting = operator.get("dispatch: requests", "/api/eic/stock-requests/?status=PENDING").json()
    if waiting["count"] < MOST_OPEN:
        facts = {"dbs": station, "requested_qty_kg": 100, "priority": chance.choice(["N", "H", "C"])}
        operator.send("dispatch: ask", "POST", "/api/eic/stock-requests/", expect=(201,), json=facts)


@errand(weight=5)
def offers_a_trip(visit: Visit, firm: Firm, chance: random.Random) -> None:
    """To a driver, or to the first vehicle in the queue; refused where somebody else was faster."""
    person, _ = chance.choice(firm.eics)
    eic = visit.by(person)
    eic.page("dispatch: board", "/dispatch/")
    waiting = eic.get("dispatch: requests", "/api/eic/stock-requests/?status=PENDING").json()["results"]
    ready = eic.get("dispatch: drivers", "/api/eic/drivers/available/").json()["results"]
    if waiting and ready:
        facts: dict[str, object] = {"status": "ASSIGNING"}
        if chance.random() < 0.8:
            facts["driver_id"] = chance.choice(ready)["driver_id"]
        path = f"/api/eic/stock-requests/{waiting[-1]['id']}/status/"
        eic.send("dispatch: offer", "PATCH", path, expect=(200, 400), json=facts)


@errand(weight=8)
def drives_a_truck(visit: Visit, firm: Firm, chance: random.Random) -> None:
    """Look for an offer; take it, decline it or let it expire. Then deliver, step by step."""
    driver = visit.by(chance.choice(firm.truckers))
    offers = driver.get("dispatch: my offers", "/api/driver/pending-offers").json()["results"]
    if offers:
        answer(driver, offers[0]["stock_request_id"], chance.random())
    trips = driver.get("trips: mine", "/api/trips/").json()["results"]
    for trip in trips:
        if trip["status"] in MOVES:
            deliver(driver, trip)
            return


def answer(driver: Visit, request: int, mood: float) -> None:
    """Refused where it expired a moment ago."""
    if mood < 0.6:
        path, kind = "/api/driver-trips/accept/", "dispatch: accept"
    elif mood < 0.75:
        path, kind = "/api/driver-trips/reject/", "dispatch: reject"
    else:
        return
    driver.send(kind, "POST", path, expect=(200, 400), json={"stock_request_id": request})


def deliver(driver: Visit, trip: dict) -> None:
    status = MOVES[trip["status"]]
    facts: dict[str, object] = {"status": status}
    if status == "completed":
        facts["delivered_kg"] = 100
    driver.send("trips: move", "POST", f"/api/trips/{trip['id']}/status/", json=facts)


# --- Invoices -------------------------------------------------------------------------------------------


@errand(weight=5, role="accountant")
def keeps_the_books(visit: Visit, firm: Firm, chance: random.Random) -> None:
    visit.page("billing: page of invoices", "/invoices/")
    invoices = visit.get("billing: list", "/api/invoices/").json()["results"]
    visit.get("billing: totals", "/api/invoices/totals/")
    if not invoices:
        return
    chosen = chance.choice(invoices)["id"]
    visit.page("billing: page of one", f"/invoices/{chosen}/")
    visit.get("billing: PDF", f"/api/invoices/{chosen}/pdf/")
    if chance.random() < 0.4:
        facts = {"amount": "10.00", "date": datetime.now(UTC).date().isoformat()}
        path = f"/api/invoices/{chosen}/payments/"
        visit.send("billing: pay", "POST", path, expect=(200, 201, 400), json=facts)  # 400: paid already


@errand(weight=1, role="accountant")
def exports_invoices(visit: Visit, firm: Firm, chance: random.Random) -> None:
    visit.get("billing: export", "/api/invoices/export/")
