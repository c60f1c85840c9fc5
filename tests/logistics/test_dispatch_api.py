"""Dispatch over REST: the EIC's and the driver's endpoints, their rules, and who is refused."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from ims.lib.local_time import local_day
from logistics import tasks
from logistics.dispatch import tokens
from logistics.dispatch.models import Answer, Offer, RequestStatus, StockRequest, TokenStatus, VehicleToken
from logistics.fleet import shifts
from logistics.fleet.models import Driver, Shift, Vehicle
from logistics.trips.models import Trip
from scheduling.testing import assert_enqueued, drain, enqueued
from tests.conftest import make_user
from tests.logistics.conftest import give_shift

pytestmark = pytest.mark.django_db

REQUESTS = "/api/eic/stock-requests/"
ACCEPT, REJECT = "/api/driver-trips/accept/", "/api/driver-trips/reject/"
OFFERS = "/api/driver/pending-offers"


def status_of(request: StockRequest) -> str:
    request.refresh_from_db()
    return str(request.status)


def change(client, request: StockRequest, **body: object):
    return client.patch(f"{REQUESTS}{request.pk}/status/", body, format="json")


def token_of(driver: Driver) -> VehicleToken:
    shift = shifts.active_shift(driver, now())
    return tokens.join(shift, now())


# --- Assigning ------------------------------------------------------------------------------------------


def test_an_eic_offers_the_trip_to_a_driver(api, eic, request_, driver):
    answer = change(api(eic), request_, status="ASSIGNING", driver_id=driver.pk, notes="Gate 2")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["success"], body["status"], body["assignment_mode"]) == (True, "ASSIGNING", "MANUAL")
    assert 298 <= body["expires_in_seconds"] <= 300
    assert (body["target_driver"], body["notes"]) == (driver.pk, "Gate 2")
    request_.refresh_from_db()
    assert request_.approved_by == eic


def test_the_driver_is_told_and_the_end_is_awaited(api, eic, request_, driver):
    change(api(eic), request_, status="ASSIGNING", driver_id=driver.pk)
    offer = Offer.objects.get()
    assert (offer.request, offer.driver, offer.answer) == (request_, driver, Answer.OPEN)
    assert_enqueued(tasks.notify_driver_trip_offer, offer_id=offer.pk)
    assert_enqueued(tasks.expire_offer, offer_id=offer.pk)


def no_shift(driver: Driver) -> None:
    driver.shifts.all().delete()


def pending_shift(driver: Driver) -> None:
    driver.shifts.update(status="PENDING")


def suspended(driver: Driver) -> None:
    Driver.objects.update(status="SUSPENDED")


def vehicle_in_workshop(driver: Driver) -> None:
    Vehicle.objects.update(status="maintenance")


def delivering(driver: Driver) -> None:
    dbs = StockRequest.objects.first().dbs
    other = StockRequest.objects.create(dbs=dbs, requested_qty_kg=1, status="ASSIGNED")
    vehicle = driver.assigned_vehicle
    Trip.objects.create(driver=driver, vehicle=vehicle, status="assigned", stock_request=other)


def transporting(driver: Driver) -> None:
    Trip.objects.create(driver=driver, vehicle=driver.assigned_vehicle, status="in_transit")


def offered_elsewhere(driver: Driver) -> None:
    dbs = StockRequest.objects.first().dbs
    StockRequest.objects.create(
        dbs=dbs,
        requested_qty_kg=1,
        status="ASSIGNING",
        target_driver=driver,
        assignment_started_at=now(),
    )


@pytest.mark.parametrize(
    ("obstacle", "code"),
    [
        (no_shift, "no_active_shift"),
        (pending_shift, "no_active_shift"),
        (suspended, "driver_not_active"),
        (vehicle_in_workshop, "vehicle_not_available"),
        (delivering, "driver_on_trip"),
        (transporting, "driver_on_trip"),
        (offered_elsewhere, "driver_has_offer"),
    ],
)
def test_a_driver_who_cannot_come_is_refused_with_the_reason(api, eic, request_, driver, obstacle, code):
    obstacle(driver)
    answer = change(api(eic), request_, status="ASSIGNING", driver_id=driver.pk)
    assert answer.status_code == 400
    body = answer.json()
    assert (body["success"], body["code"]) == (False, code)
    assert body["error"].startswith("driver_id: ")
    assert status_of(request_) == "PENDING"


def test_a_driver_with_a_planned_transport_may_still_deliver(api, eic, request_, driver):
    Trip.objects.create(driver=driver, vehicle=driver.assigned_vehicle, status="assigned")
    assert change(api(eic), request_, status="ASSIGNING", driver_id=driver.pk).status_code == 200


def test_an_unknown_driver_is_named(api, eic, request_):
    answer = change(api(eic), request_, status="ASSIGNING", driver_id=4711)
    assert (answer.status_code, answer.json()["error"]) == (400, "driver_id: There is no driver 4711.")


@pytest.mark.parametrize("driver_id", [True, 1.5, "x", 0, 2**63])
def test_a_driver_id_that_is_none_is_refused(api, eic, request_, driver_id):
    answer = change(api(eic), request_, status="ASSIGNING", driver_id=driver_id)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["driver_id"])


@pytest.mark.parametrize("status", ["COMPLETED", "PENDING", "ASSIGNED", "", None, "assigning"])
def test_only_three_statuses_may_be_chosen(api, eic, request_, status):
    answer = change(api(eic), request_, status=status)
    assert answer.status_code == 400
    assert "status" in answer.json()["fields"]


@pytest.mark.parametrize("old", ["REJECTED", "CANCELLED", "ASSIGNED", "COMPLETED"])
@pytest.mark.parametrize("new", ["ASSIGNING", "APPROVED", "REJECTED"])
def test_what_is_decided_stays_decided(api, eic, asked, driver, old, new):
    decided = asked(status=old)
    body = {"driver_id": driver.pk} if new == "ASSIGNING" else {}
    answer = change(api(eic), decided, status=new, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_available")
    assert status_of(decided) == old


# --- Approving, the queue, rejecting --------------------------------------------------------------------


def test_approving_without_a_waiting_vehicle_leaves_it_without_a_driver(api, eic, request_, driver):
    body = change(api(eic), request_, status="APPROVED").json()
    assert (body["status"], body["expires_in_seconds"]) == ("APPROVED", None)


def test_approving_takes_the_first_vehicle_of_the_queue(api, eic, request_, driver, other_driver):
    first, second = token_of(other_driver), token_of(driver)
    body = change(api(eic), request_, status="APPROVED").json()
    assert (body["status"], body["assignment_mode"]) == ("ASSIGNING", "AUTO")
    assert (body["target_driver"], body["token_number"]) == (other_driver.pk, first.number)
    second.refresh_from_db()
    assert second.status == TokenStatus.WAITING


def test_the_first_vehicle_that_cannot_come_is_passed_over(api, eic, request_, driver, other_driver):
    token_of(other_driver), token_of(driver)
    no_shift(other_driver)
    assert change(api(eic), request_, status="APPROVED").json()["target_driver"] == driver.pk


def test_a_driver_who_declined_is_not_asked_again_by_the_queue(api, eic, request_, driver):
    token_of(driver)
    change(api(eic), request_, status="APPROVED")
    api(driver.user).post(REJECT, {"stock_request_id": request_.pk}, format="json")
    assert change(api(eic), request_, status="APPROVED").json()["status"] == "APPROVED"


def test_a_request_can_wait_for_the_next_vehicle(api, eic, request_, driver):
    assert change(api(eic), request_, status="ASSIGNING").json()["status"] == "QUEUED"
    token_of(driver)
    assert tasks.serve_queue(request_.dbs.parent_station_id) == 1
    request_.refresh_from_db()
    assert (request_.status, request_.assignment_mode) == ("ASSIGNING", "AUTO")


def test_a_vehicle_that_comes_back_from_the_workshop_is_found_without_anybodys_doing(
    api, eic, request_, driver
):
    token_of(driver)
    vehicle_in_workshop(driver)
    assert change(api(eic), request_, status="ASSIGNING").json()["status"] == "QUEUED"
    Vehicle.objects.update(status="available")
    assert tasks.serve_waiting_queues() == 1
    drain()
    assert status_of(request_) == "ASSIGNING"
    assert tasks.serve_waiting_queues() == 0


def test_a_rejected_request_keeps_who_and_why(api, eic, request_):
    body = change(api(eic), request_, status="REJECTED", reason="No gas today").json()
    assert (body["status"], body["reason"]) == ("REJECTED", "No gas today")
    request_.refresh_from_db()
    assert request_.rejected_by == eic


def test_an_open_offer_is_withdrawn(api, eic, request_, driver):
    token = token_of(driver)
    change(api(eic), request_, status="APPROVED")
    answer = api(eic).post(f"{REQUESTS}{request_.pk}/withdraw/", {"reason": "Wrong truck"}, format="json")
    assert answer.json()["status"] == "PENDING"
    offer = Offer.objects.get()
    assert (offer.answer, offer.reason) == ("withdrawn", "Wrong truck")
    token.refresh_from_db()
    assert (token.status, token.request) == (TokenStatus.WAITING, None)
    assert_enqueued(tasks.notify_driver_offer_withdrawn, offer_id=offer.pk)


def test_nothing_open_cannot_be_withdrawn(api, eic, request_):
    answer = api(eic).post(f"{REQUESTS}{request_.pk}/withdraw/")
    assert (answer.status_code, answer.json()["code"]) == (400, "not_available")


# --- Asking and cancelling ------------------------------------------------------------------------------


def test_a_station_operator_asks_for_gas(api, station_operator, dbs):
    body = {"dbs": dbs.pk, "requested_qty_kg": "750.5", "priority": "C", "requested_by": 1}
    answer = api(station_operator).post(REQUESTS, body, format="json")
    assert answer.status_code == 201, answer.content
    made = StockRequest.objects.get()
    assert (made.requested_by, made.priority, str(made.requested_qty_kg)) == (station_operator, "C", "750.50")
    assert answer.json()["dry_out_minutes"] == 300
    assert_enqueued(tasks.notify_eic_new_request, stock_request_id=made.pk)


@pytest.mark.parametrize("quantity", ["0", "-5", "NaN", "much", None, "1e12"])
def test_a_quantity_that_is_none_is_refused(api, station_operator, dbs, quantity):
    answer = api(station_operator).post(
        REQUESTS, {"dbs": dbs.pk, "requested_qty_kg": quantity}, format="json"
    )
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["requested_qty_kg"])


def test_nobody_asks_for_a_station_that_is_not_his(api, station_operator, other_eic, ms, dbs):
    for user, station in ((station_operator, ms), (other_eic, dbs)):
        answer = api(user).post(REQUESTS, {"dbs": station.pk, "requested_qty_kg": 10}, format="json")
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["dbs"])


def test_a_station_operator_cancels_what_no_driver_has_taken(api, station_operator, offered, driver):
    open_offer = offered(driver)
    Offer.objects.create(request=open_offer, driver=driver)
    answer = api(station_operator).post(
        f"{REQUESTS}{open_offer.pk}/cancel/", {"reason": "Enough"}, format="json"
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert Offer.objects.get().answer == "withdrawn"


def test_an_accepted_request_is_cancelled_by_the_eic_alone(api, station_operator, eic, offered, driver):
    taken = offered(driver)
    api(driver.user).post(ACCEPT, {"stock_request_id": taken.pk}, format="json")
    assert api(station_operator).post(f"{REQUESTS}{taken.pk}/cancel/").status_code == 400
    assert api(eic).post(f"{REQUESTS}{taken.pk}/cancel/").status_code == 200
    assert_enqueued(tasks.notify_driver_offer_withdrawn, offer_id=Offer.objects.get().pk)
    assert Trip.objects.get().status == "cancelled"
    driver.assigned_vehicle.refresh_from_db()
    assert driver.assigned_vehicle.status == "available"


def test_the_list_is_ones_own_newest_first(api, eic, station_operator, other_eic, asked):
    first, second = asked(), asked(status="REJECTED")
    for user in (eic, station_operator):
        body = api(user).get(REQUESTS).json()
        assert [row["id"] for row in body["results"]] == [second.pk, first.pk]
        assert set(body) == {"count", "next", "previous", "results"}
    assert api(other_eic).get(REQUESTS).json()["count"] == 0


def test_the_list_is_filtered_by_status_and_station(api, eic, asked, dbs):
    asked(), asked(status="REJECTED")
    assert api(eic).get(f"{REQUESTS}?status=REJECTED&dbs={dbs.pk}").json()["count"] == 1
    assert api(eic).get(f"{REQUESTS}?status=LOST").status_code == 400


@pytest.mark.parametrize("rows", [1, 30])
def test_the_list_takes_the_same_queries(api, eic, offered, on_duty, rows, django_assert_max_num_queries):
    for number in range(rows):
        offered(on_duty(f"d{number}"))
    client = api(eic)
    with django_assert_max_num_queries(9):
        client.get(REQUESTS)


# --- Drivers to choose from -----------------------------------------------------------------------------


def test_free_drivers_come_with_the_fewest_trips_first(api, eic, driver, other_driver):
    Trip.objects.create(driver=driver, vehicle=driver.assigned_vehicle, status="completed", assigned_at=now())
    rows = api(eic).get("/api/eic/drivers/available/").json()["results"]
    assert [(row["driver_id"], row["trips_today"]) for row in rows] == [(other_driver.pk, 0), (driver.pk, 1)]
    assert rows[0]["vehicle"] == "GJ-06-MEENA"


@pytest.mark.parametrize(
    "obstacle",
    [no_shift, pending_shift, suspended, vehicle_in_workshop, transporting, delivering, offered_elsewhere],
)
def test_a_driver_who_cannot_come_is_not_offered(api, eic, request_, driver, obstacle):
    obstacle(driver)
    assert api(eic).get("/api/eic/drivers/available/").json()["count"] == 0


def test_who_just_declined_comes_last_with_a_warning(api, eic, request_, driver, other_driver):
    change(api(eic), request_, status="ASSIGNING", driver_id=driver.pk)
    api(driver.user).post(REJECT, {"stock_request_id": request_.pk, "reason": "Flat tyre"}, format="json")
    rows = api(eic).get(f"/api/eic/drivers/available/?stock_request_id={request_.pk}").json()["results"]
    assert [row["driver_id"] for row in rows] == [other_driver.pk, driver.pk]
    assert rows[1]["warning"].startswith("Declined this trip at ")
    assert rows[1]["warning"].endswith(": Flat tyre")


def test_drivers_of_other_mother_stations_are_not_listed(api, eic, driver, other_ms):
    Vehicle.objects.update(ms_home=other_ms)
    assert api(eic).get("/api/eic/drivers/available/").json()["count"] == 0
    assert api(eic).get(f"/api/eic/drivers/available/?ms={other_ms.pk}").status_code == 404


@pytest.mark.parametrize("count", [1, 20])
def test_the_choice_takes_the_same_queries(api, eic, on_duty, count, django_assert_max_num_queries):
    for number in range(count):
        on_duty(f"d{number}")
    client = api(eic)
    with django_assert_max_num_queries(13):
        client.get("/api/eic/drivers/available/")


# --- The driver answers ---------------------------------------------------------------------------------


def test_a_driver_sees_what_is_offered_to_him(api, offered, driver, other_driver, dbs, ms):
    offered(other_driver)
    mine = offered(driver, seconds_ago=60, priority="H")
    body = api(driver.user).get(OFFERS).json()
    assert body["count"] == 1
    row = body["results"][0]
    assert (row["stock_request_id"], row["priority"], row["timeout_seconds"]) == (mine.pk, "H", 300)
    assert (row["dbs"]["name"], row["ms"]["name"]) == (dbs.name, ms.name)
    assert 235 <= row["remaining_seconds"] <= 240
    assert row["assigned_at"]


def test_an_offer_past_its_time_is_not_shown(api, offered, driver):
    offered(driver, seconds_ago=301)
    assert api(driver.user).get(OFFERS).json()["count"] == 0


def test_accepting_makes_a_trip_and_a_token(api, offered, driver, ms, dbs):
    taken = offered(driver)
    answer = api(driver.user).post(ACCEPT, {"stock_request_id": taken.pk}, format="json")
    assert answer.status_code == 200, answer.content
    trip = Trip.objects.get()
    body = answer.json()
    day = local_day(now())
    assert body == {
        "success": True,
        "status": "accepted",
        "trip_id": trip.pk,
        "token_number": f"MS{ms.pk}-{day:%Y%m%d}-0001",
    }
    assert (trip.driver, trip.vehicle, trip.stock_request) == (driver, driver.assigned_vehicle, taken)
    assert (trip.status, trip.pickup_place, trip.dropoff_place) == ("assigned", ms.name, dbs.name)
    assert status_of(taken) == "ASSIGNED"
    assert Offer.objects.get().answer == "accepted"
    driver.assigned_vehicle.refresh_from_db()
    assert driver.assigned_vehicle.status == "in_trip"
    assert_enqueued(tasks.notify_eic_trip_accepted, trip_id=trip.pk)


def test_accepting_twice_says_the_same_and_makes_one_trip(api, offered, driver):
    taken = offered(driver)
    client = api(driver.user)
    first, second = (client.post(ACCEPT, {"stock_request_id": taken.pk}, format="json") for _ in range(2))
    assert (second.status_code, second.json()) == (200, first.json())
    assert Trip.objects.count() == 1
    assert len(enqueued(tasks.notify_eic_trip_accepted)) == 1


def test_rejecting_gives_it_back_and_tells_the_eics(api, offered, driver):
    declined = offered(driver)
    body = {"stock_request_id": declined.pk, "reason": "Flat tyre"}
    answer = api(driver.user).post(REJECT, body, format="json")
    assert (answer.status_code, answer.json()) == (200, {"success": True, "status": "rejected"})
    declined.refresh_from_db()
    assert (declined.status, declined.target_driver, declined.assignment_started_at) == (
        "PENDING",
        None,
        None,
    )
    assert declined.assignment_mode is None
    offer = Offer.objects.get()
    assert (offer.answer, offer.reason) == ("rejected", "Flat tyre")
    assert_enqueued(tasks.notify_eic_driver_rejected, offer_id=offer.pk)
    assert api(driver.user).post(REJECT, body, format="json").status_code == 200
    assert len(enqueued(tasks.notify_eic_driver_rejected)) == 1


@pytest.mark.parametrize("address", [ACCEPT, REJECT])
def test_an_answer_past_the_time_gives_it_back_at_once(api, offered, driver, address):
    late = offered(driver, seconds_ago=301)
    answer = api(driver.user).post(address, {"stock_request_id": late.pk}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "expired")
    assert status_of(late) == "PENDING"
    offer = Offer.objects.get()
    assert offer.answer == Answer.EXPIRED
    assert_enqueued(tasks.notify_eic_assignment_expired, stock_request_id=late.pk, offer_id=offer.pk)
    assert Trip.objects.count() == 0


@pytest.mark.parametrize("address", [ACCEPT, REJECT])
def test_an_unknown_request_is_404(api, driver, address):
    answer = api(driver.user).post(address, {"stock_request_id": 4711}, format="json")
    assert (answer.status_code, answer.json()["success"]) == (404, False)


@pytest.mark.parametrize("address", [ACCEPT, REJECT])
def test_a_request_that_is_not_offered_is_no_longer_available(api, request_, driver, address):
    answer = api(driver.user).post(address, {"stock_request_id": request_.pk}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "not_available")


@pytest.mark.parametrize("address", [ACCEPT, REJECT])
def test_another_drivers_offer_is_403(api, offered, driver, other_driver, address):
    others = offered(other_driver)
    body = {"stock_request_id": others.pk, "driver_id": other_driver.pk, "user": other_driver.user_id}
    answer = api(driver.user).post(address, body, format="json")
    assert (answer.status_code, answer.json()["success"]) == (403, False)
    assert status_of(others) == RequestStatus.ASSIGNING


def test_without_an_active_shift_nothing_is_accepted(api, offered, driver):
    taken = offered(driver)
    Shift.objects.update(start=now() - timedelta(days=2), end=now() - timedelta(days=1))
    answer = api(driver.user).post(ACCEPT, {"stock_request_id": taken.pk}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "no_active_shift")
    assert status_of(taken) == "ASSIGNING"


def test_a_suspended_driver_accepts_nothing(api, offered, driver):
    taken = offered(driver)
    suspended(driver)
    answer = api(driver.user).post(ACCEPT, {"stock_request_id": taken.pk}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "driver_not_active")


def test_gas_that_is_on_its_way_is_not_cancelled(api, eic, offered, driver):
    taken = offered(driver)
    api(driver.user).post(ACCEPT, {"stock_request_id": taken.pk}, format="json")
    Trip.objects.update(status="in_transit")
    answer = api(eic).post(f"{REQUESTS}{taken.pk}/cancel/")
    assert (answer.status_code, answer.json()["code"]) == (400, "under_way")
    assert status_of(taken) == "ASSIGNED"


@pytest.mark.parametrize("address", [ACCEPT, REJECT])
@pytest.mark.parametrize("value", [None, "x", True, -1, [], {"id": 1}])
def test_an_id_that_is_none_is_named(api, driver, address, value):
    answer = api(driver.user).post(address, {"stock_request_id": value}, format="json")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["stock_request_id"])


def test_a_vehicle_shared_by_two_drivers_is_offered_once(api, eic, asked, driver, other_driver):
    Shift.objects.filter(driver=other_driver).update(vehicle=driver.assigned_vehicle)
    client = api(eic)
    assert change(client, asked(), status="ASSIGNING", driver_id=driver.pk).status_code == 200
    answer = change(client, asked(), status="ASSIGNING", driver_id=other_driver.pk)
    assert answer.json()["code"] == "vehicle_not_available"


# --- Strangers ------------------------------------------------------------------------------------------

ADDRESSES = [
    ("get", REQUESTS),
    ("post", REQUESTS),
    ("get", REQUESTS + "1/"),
    ("patch", REQUESTS + "1/status/"),
    ("post", REQUESTS + "1/withdraw/"),
    ("post", REQUESTS + "1/cancel/"),
    ("get", "/api/eic/drivers/available/"),
    ("get", OFFERS),
    ("post", ACCEPT),
    ("post", REJECT),
]


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_without_a_login_it_is_401(anonymous_api, method, address):
    answer = getattr(anonymous_api, method)(address)
    assert (answer.status_code, answer.json()["success"]) == (401, False)


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_a_patient_and_a_buyer_are_refused(api, patient, method, address):
    for user in (patient, make_user("buyer", "buyer")):
        assert getattr(api(user), method)(address).status_code == 403


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_every_address_answers_without_its_final_slash(anonymous_api, method, address):
    assert getattr(anonymous_api, method)(address.rstrip("/")).status_code == 401


def test_a_driver_by_role_alone_is_refused(api, stranger):
    assert api(stranger).get(OFFERS).status_code == 403


def test_another_stations_eic_finds_nothing(api, other_eic, request_, driver):
    client = api(other_eic)
    assert change(client, request_, status="ASSIGNING", driver_id=driver.pk).status_code == 404
    for address in (
        f"{REQUESTS}{request_.pk}/",
        f"/api/eic/drivers/available/?stock_request_id={request_.pk}",
    ):
        assert client.get(address).status_code == 404
    for verb in ("withdraw", "cancel"):
        assert client.post(f"{REQUESTS}{request_.pk}/{verb}/").status_code == 404
    assert status_of(request_) == "PENDING"


@pytest.mark.parametrize("on_shift", [True, False])
def test_another_stations_driver_is_refused_and_not_even_named(
    api, eic, request_, driver, other_ms, on_shift
):
    Vehicle.objects.update(ms_home=other_ms)
    if not on_shift:
        no_shift(driver)
    answer = change(api(eic), request_, status="ASSIGNING", driver_id=driver.pk)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, "driver_elsewhere")
    assert "choose one of Vadodara MS" in body["error"]
    assert driver.name not in body["error"]
    assert status_of(request_) == "PENDING"


def test_a_driver_on_a_vehicle_without_a_home_may_be_assigned(api, eic, request_, driver):
    Vehicle.objects.update(ms_home=None)
    assert change(api(eic), request_, status="ASSIGNING", driver_id=driver.pk).status_code == 200


def test_a_driver_on_a_shift_elsewhere_is_refused(api, eic, request_, driver, other_ms):
    lent = Vehicle.objects.create(registration="GJ-05-LENT", ms_home=other_ms)
    Shift.objects.update(vehicle=lent)
    answer = change(api(eic), request_, status="ASSIGNING", driver_id=driver.pk)
    assert answer.json()["code"] == "driver_elsewhere"


def test_who_decided_is_the_caller_whatever_the_body_says(api, eic, other_eic, request_):
    foreign = dict.fromkeys(("user", "user_id", "approved_by", "rejected_by", "eic_id"), other_eic.pk)
    change(api(eic), request_, status="REJECTED", **foreign)
    request_.refresh_from_db()
    assert request_.rejected_by == eic


def test_a_station_operator_decides_nothing(api, station_operator, request_, driver):
    client = api(station_operator)
    assert change(client, request_, status="ASSIGNING", driver_id=driver.pk).status_code == 403
    assert client.get(f"{REQUESTS}{request_.pk}/").status_code == 200


def test_a_role_without_a_post_opens_no_station(api, request_):
    assert api(make_user("new-eic", "eic")).get(REQUESTS).json()["count"] == 0


def test_a_superuser_may_do_everything(api, admin, request_, driver):
    assert change(api(admin), request_, status="ASSIGNING", driver_id=driver.pk).status_code == 200


def test_a_recurring_overnight_shift_counts(api, eic, request_, driver, settings):
    settings.OPERATIONS_TIME_ZONE = "UTC"
    Shift.objects.all().delete()
    hour = timedelta(hours=1)
    give_shift(
        driver,
        driver.assigned_vehicle,
        start=now() - 30 * 24 * hour - hour,
        end=now() - 30 * 24 * hour + hour,
        is_recurring=True,
    )
    assert change(api(eic), request_, status="ASSIGNING", driver_id=driver.pk).status_code == 200
