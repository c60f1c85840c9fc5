"""The pages of dispatch: the EIC's board, the driver's phone, the station, the shifts, the messages."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from ims.accounts import roles
from logistics import actions, tasks
from logistics.dispatch import board, board_views, tokens
from logistics.dispatch.models import Offer, StockRequest, VehicleToken
from logistics.fleet import shifts
from logistics.fleet.models import Shift, Station, Vehicle
from logistics.notifications import services as notifications
from logistics.notifications.services import Message
from logistics.trips.models import Trip, TripStatus
from scheduling.testing import assert_enqueued
from tests.conftest import make_user
from tests.logistics.conftest import give_shift, phone_of, wish

pytestmark = [pytest.mark.django_db, pytest.mark.once]
BOARD, DRIVE, STATION, SHIFTS, MESSAGES = (
    "/dispatch/",
    "/drive/",
    "/station/",
    "/dispatch/shifts/",
    "/messages/",
)


@pytest.fixture
def as_(client):
    """A signed-in browser: `as_(eic).get(BOARD)`."""

    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


def text_of(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


# --- Who sees what --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [BOARD, DRIVE, STATION, SHIFTS, MESSAGES])
def test_a_visitor_is_led_to_the_sign_in_page(client, address):
    assert client.get(address).status_code == 302


@pytest.mark.parametrize("address", [BOARD, DRIVE, STATION, SHIFTS, MESSAGES])
def test_a_patient_is_refused(as_, patient, address):
    assert as_(patient).get(address).status_code == 403


def test_a_driver_by_role_alone_is_told_whom_to_ask(as_, stranger):
    assert as_(stranger).get(DRIVE).status_code == 403


def test_another_stations_eic_finds_nothing(as_, other_eic, request_, driver):
    page = as_(other_eic)
    assert "Anand DBS" not in text_of(page.get(f"{BOARD}?ms={request_.dbs.parent_station_id}"))
    assert page.get(f"/dispatch/requests/{request_.pk}/").status_code == 404
    assert page.get(f"/dispatch/requests/{request_.pk}/drivers/").status_code == 404
    answer = page.post(f"/dispatch/requests/{request_.pk}/assign/", {"driver": driver.pk})
    assert answer.status_code == 404
    waiting = wish(driver)
    assert page.post(f"/dispatch/shifts/{waiting.pk}/approve/").status_code == 404


def test_people_without_a_post_are_told_what_to_do(as_):
    user = make_user("new", roles.EIC, roles.STATION_OPERATOR)
    assert "You are at no mother station yet" in text_of(as_(user).get(BOARD))
    assert "You are at no station yet" in text_of(as_(user).get(STATION))


# --- The board ------------------------------------------------------------------------------------------


def station(ms, code: str, **fields: object) -> Station:
    facts = {
        "type": "DBS",
        "name": f"{code} DBS",
        "parent_station": ms,
        "sale_rate_kg_per_hour": 100,
        **fields,
    }
    return Station.objects.create(code=code, **facts)


def test_who_runs_dry_first_against_the_way_stands_first(eic, ms):
    stocks = {"LATE": (200, 180), "SOON": (400, 200), "CALM": (2000, 60), "IDLE": (10, 5)}
    for code, (stock, way) in stocks.items():
        rate = 0 if code == "IDLE" else 100
        dbs = station(ms, code, current_stock_kg=stock, lead_time_minutes=way, sale_rate_kg_per_hour=rate)
        StockRequest.objects.create(dbs=dbs, requested_qty_kg=1)
    assert [each.dbs.code for each in board.board(ms, now()).requests] == ["LATE", "SOON", "CALM", "IDLE"]


def test_the_board_says_how_late_it_is(as_, eic, ms):
    dbs = station(ms, "LATE", current_stock_kg=100, lead_time_minutes=150)
    StockRequest.objects.create(dbs=dbs, requested_qty_kg=1)
    text = text_of(as_(eic).get(BOARD))
    assert "Too late by 1 h 30 min" in text
    assert "2 h 30 min" in text


def test_an_empty_board_says_what_it_means(as_, eic):
    assert "Nobody asks for gas" in text_of(as_(eic).get(BOARD))


def test_a_request_is_assigned_in_two_clicks(as_, eic, request_, driver):
    page = as_(eic)
    assert "Offer<span" in text_of(page.get(f"/dispatch/requests/{request_.pk}/drivers/"))
    answer = page.post(f"/dispatch/requests/{request_.pk}/assign/", {"driver": driver.pk}, follow=True)
    text = text_of(answer)
    assert "Offered to Ravi." in text
    assert 'data-tick="left"' in text


def test_the_board_is_sent_only_when_it_changed(as_, eic, request_, driver):
    page = as_(eic)
    first = page.get("/dispatch/board/")
    seen = first.context["seen"]
    assert page.get(f"/dispatch/board/?seen={seen}").status_code == 204
    actions.assign(request_, driver.pk, eic)
    assert "Withdraw" in text_of(page.get(f"/dispatch/board/?seen={seen}"))


def test_the_board_shows_where_a_delivery_is(as_, eic, offered, driver):
    trip = actions.accept(offered(driver).pk, driver).trip
    page = as_(eic)
    seen = page.get("/dispatch/board/").context["seen"]
    actions.move_trip(trip, TripStatus.EN_ROUTE)
    assert "On the way to the pickup" in text_of(page.get(f"/dispatch/board/?seen={seen}"))


def test_a_requests_page_is_sent_only_when_it_changed(as_, eic, other_eic, request_, driver):
    page, address = as_(eic), f"/dispatch/requests/{request_.pk}/now/"
    seen = page.get(address).context["seen"]
    assert page.get(f"{address}?seen={seen}").status_code == 204
    actions.assign(request_, driver.pk, eic)
    seen = page.get(f"{address}?seen={seen}").context["seen"]
    actions.decline(request_.pk, driver, "Flat tyre")
    assert "Declined this trip at" in text_of(page.get(f"{address}?seen={seen}"))
    assert as_(other_eic).get(address).status_code == 404


def test_an_escalated_request_is_the_alarm(as_, eic, asked):
    asked(expiries=3)
    assert "Nobody takes the trip to Anand DBS: 3 offers were not answered." in text_of(as_(eic).get(BOARD))


def test_without_credentials_the_board_says_that_phones_are_not_reached(as_, eic):
    assert "pushes are not configured" in text_of(as_(eic).get(BOARD))


def test_with_credentials_it_does_not(as_, eic, fcm):
    assert "pushes are not configured" not in text_of(as_(eic).get(BOARD))


@pytest.mark.parametrize("rows", [1, 25])
def test_the_board_takes_the_same_queries(as_, eic, offered, on_duty, rows, django_assert_max_num_queries):
    for number in range(rows):
        offered(on_duty(f"d{number}"))
    page = as_(eic)
    with django_assert_max_num_queries(14):
        page.get(BOARD)


@pytest.mark.parametrize("address", [STATION, SHIFTS, MESSAGES])
def test_the_other_pages_ask_as_often_for_many_rows_as_for_few(
    as_, admin, station_operator, eic, offered, on_duty, address
):
    def add(name: str) -> None:
        driver = on_duty(name)
        wish(driver)
        actions.accept(offered(driver).pk, driver)
        phone_of(driver.user)
        notifications.record([driver.user], Message("TRIP_OFFER", "Title", "Text", name))

    page = as_({STATION: station_operator, SHIFTS: eic, MESSAGES: admin}[address])
    asked = []
    for names in (["one"], ["two", "three", "four"]):
        for name in names:
            add(name)
        with CaptureQueriesContext(connection) as captured:
            assert "four" in text_of(page.get(address)).lower() or len(names) == 1
        asked.append(len(captured))
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    ("verb", "status", "words"),
    [
        ("approve", "APPROVED", "Approved. It has no driver yet."),
        ("queue", "QUEUED", "It waits for the next vehicle in the queue."),
        ("reject", "REJECTED", "Rejected."),
        ("cancel", "CANCELLED", "Cancelled."),
    ],
)
def test_an_eic_decides_on_the_requests_page(as_, eic, request_, verb, status, words):
    answer = as_(eic).post(f"/dispatch/requests/{request_.pk}/{verb}/", {"back": "request"}, follow=True)
    assert words in text_of(answer)
    request_.refresh_from_db()
    assert request_.status == status


def test_what_is_done_on_a_requests_page_leads_back_to_it(as_, eic, request_, driver):
    page, address = as_(eic), f"/dispatch/requests/{request_.pk}/"
    assert (
        text_of(page.get(address)).count('name="back" value="request"') == 5
    )  # offer, queue, approve, two dialogs
    assert 'name="back"' not in text_of(page.get(f"{address}drivers/"))
    body = {"back": "request", "reason": "No vehicle"}
    assert "No vehicle" in text_of(page.post(f"{address}reject/", body, follow=True))


def test_an_unknown_verb_is_404(as_, eic, request_):
    assert as_(eic).post(f"/dispatch/requests/{request_.pk}/explode/").status_code == 404


def test_who_was_faster_is_told(as_, eic, asked):
    done = asked(status="REJECTED")
    answer = as_(eic).post(f"/dispatch/requests/{done.pk}/approve/", follow=True)
    assert "it is REJECTED" in text_of(answer)


def test_a_driver_that_is_none_is_refused(as_, eic, request_):
    answer = as_(eic).post(f"/dispatch/requests/{request_.pk}/assign/", {"driver": "-1"}, follow=True)
    assert "Choose a driver from the list." in text_of(answer)


def test_the_history_of_offers_is_told(as_, eic, request_, driver):
    actions.assign(request_, driver.pk, eic)
    actions.decline(request_.pk, driver, "Flat tyre")
    text = text_of(as_(eic).get(f"/dispatch/requests/{request_.pk}/"))
    assert "Rejected: Flat tyre" in text
    assert "Declined this trip at" in text


# --- Shifts ---------------------------------------------------------------------------------------------


def test_a_shift_is_approved(as_, eic, driver):
    waiting = wish(driver)
    assert "Ravi" in text_of(as_(eic).get(SHIFTS))
    assert "Approved." in text_of(as_(eic).post(f"/dispatch/shifts/{waiting.pk}/approve/", follow=True))
    waiting.refresh_from_db()
    assert waiting.status == "APPROVED"
    again = as_(eic).post(f"/dispatch/shifts/{waiting.pk}/reject/", follow=True)
    assert "decided this shift already" in text_of(again)


def test_approved_shifts_are_on_pages(as_, eic, driver, monkeypatch):
    monkeypatch.setattr(board_views, "ROWS", 1)
    give_shift(driver, driver.assigned_vehicle)
    page = as_(eic)
    assert "1 of 2" in text_of(page.get(SHIFTS))
    assert "2 of 2" in text_of(page.get(f"{SHIFTS}?page=2"))


def test_an_approved_shift_is_ended(as_, eic, driver):
    shift = driver.shifts.get()
    assert "End<span" in text_of(as_(eic).get(SHIFTS))
    assert "Ended." in text_of(as_(eic).post(f"/dispatch/shifts/{shift.pk}/end/", follow=True))
    assert shifts.active_shift(driver, now()) is None


def test_a_shift_that_overlaps_an_approved_one_is_not_approved_and_the_page_says_why(as_, eic, driver):
    waiting = give_shift(driver, driver.assigned_vehicle, status="PENDING")
    answer = as_(eic).post(f"/dispatch/shifts/{waiting.pk}/approve/", follow=True)
    assert "There is a shift at this time already" in text_of(answer)
    waiting.refresh_from_db()
    assert waiting.status == "PENDING"


# --- The driver's phone ---------------------------------------------------------------------------------


def test_a_driver_takes_a_trip_to_its_end(as_, driver, offered, dbs):
    taken = offered(driver)
    page = as_(driver.user)
    assert "A trip for you" in text_of(page.get(DRIVE))
    assert "The trip is yours." in text_of(page.post(f"/drive/offers/{taken.pk}/accept/", follow=True))
    trip = Trip.objects.get()
    for status in ("assigned", "en_route", "at_pickup", "in_transit"):
        page.post(f"/drive/trips/{trip.pk}/step/", {"from": status})
    page.post(f"/drive/trips/{trip.pk}/step/", {"from": "arrived", "delivered_kg": "795"})
    dbs.refresh_from_db()
    assert dbs.current_stock_kg == 1795
    assert "No trip for you now" in text_of(page.get(DRIVE))


def test_a_double_touch_moves_a_trip_once(as_, driver, offered):
    trip = actions.accept(offered(driver).pk, driver).trip
    page = as_(driver.user)
    for _ in range(2):
        page.post(f"/drive/trips/{trip.pk}/step/", {"from": "assigned"})
    trip.refresh_from_db()
    assert trip.status == "en_route"


def test_a_delivery_without_its_kilograms_is_not_ended(as_, driver, offered):
    trip = actions.accept(offered(driver).pk, driver).trip
    Trip.objects.update(status="arrived")
    answer = as_(driver.user).post(
        f"/drive/trips/{trip.pk}/step/", {"from": "arrived", "delivered_kg": "much"}, follow=True
    )
    assert "Delivered: give the kilograms" in text_of(answer)
    trip.refresh_from_db()
    assert trip.status == "arrived"


def test_another_drivers_trip_does_not_exist(as_, driver, other_driver, offered):
    trip = actions.accept(offered(driver).pk, driver).trip
    answer = as_(other_driver.user).post(f"/drive/trips/{trip.pk}/step/", {"from": "assigned"})
    assert answer.status_code == 404


def test_another_drivers_offer_is_not_taken(as_, driver, other_driver, offered):
    others = offered(driver)
    text = text_of(as_(other_driver.user).post(f"/drive/offers/{others.pk}/accept/", follow=True))
    assert "offered to another driver" in text
    assert not Trip.objects.exists()


def test_a_driver_declines_with_a_reason(as_, driver, offered):
    declined = offered(driver)
    as_(driver.user).post(f"/drive/offers/{declined.pk}/decline/", {"reason": "Flat tyre"})
    assert (Offer.objects.get().answer, Offer.objects.get().reason) == ("rejected", "Flat tyre")


@pytest.mark.parametrize(
    ("reason", "words"), [("a\0b", "Null characters are not allowed"), ("x" * 501, "at most 500 characters")]
)
def test_a_reason_that_cannot_be_kept_is_refused(as_, eic, driver, offered, asked, reason, words):
    declined, rejected, body = offered(driver), asked(), {"reason": reason}
    page = as_(driver.user)
    answer = page.post(f"/drive/offers/{declined.pk}/decline/", body, follow=True)
    assert words in text_of(answer)
    page = as_(eic)
    for verb in ("reject", "cancel"):
        assert words in text_of(page.post(f"/dispatch/requests/{rejected.pk}/{verb}/", body, follow=True))
    assert set(StockRequest.objects.values_list("status", flat=True)) == {"ASSIGNING", "PENDING"}


def test_an_offer_past_its_time_says_so(as_, driver, offered):
    late = offered(driver, seconds_ago=400)
    text = text_of(as_(driver.user).post(f"/drive/offers/{late.pk}/accept/", follow=True))
    assert "The time to answer is over" in text


def test_a_driver_lines_up_and_leaves(as_, driver):
    page = as_(driver.user)
    assert "You are in the queue" in text_of(page.post("/drive/queue/join/", follow=True))
    token = VehicleToken.objects.get()
    assert_enqueued(tasks.serve_queue, station_id=token.ms_id)
    assert token.number in text_of(page.get(DRIVE))
    page.post("/drive/queue/leave/")
    assert not tokens.waiting(token.ms, now()).exists()


def test_off_duty_nobody_lines_up(as_, driver):
    Shift.objects.all().delete()
    page = as_(driver.user)
    assert "You are not on duty" in text_of(page.get(DRIVE))
    assert "no approved shift" in text_of(page.post("/drive/queue/join/", follow=True))


def test_the_drivers_page_is_sent_only_when_it_changed(as_, driver, offered):
    page = as_(driver.user)
    seen = page.get("/drive/now/").context["seen"]
    assert page.get(f"/drive/now/?seen={seen}").status_code == 204
    offered(driver)
    assert "Accept" in text_of(page.get(f"/drive/now/?seen={seen}"))


def shift_body(driver, **changes: object) -> dict[str, object]:
    vehicle = driver.assigned_vehicle.pk
    return {"vehicle": vehicle, "start": "2026-12-01T06:00", "end": "2026-12-01T14:00", **changes}


def test_a_driver_asks_for_a_shift_in_the_time_of_operations(as_, driver):
    as_(driver.user).post("/drive/shifts/", shift_body(driver))
    asked = Shift.objects.get(status="PENDING")
    assert asked.start.isoformat() == "2026-12-01T00:30:00+00:00"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"end": "2026-12-01T05:00"}, "The end must be after the start."),
        ({"end": "2026-12-03T05:00"}, "24 hours at most"),
        ({"start": "soon"}, "Enter a valid date/time."),
    ],
)
def test_a_wrong_shift_is_refused_at_its_field(as_, driver, changes, words):
    assert words in text_of(as_(driver.user).post("/drive/shifts/", shift_body(driver, **changes)))
    assert not Shift.objects.filter(status="PENDING").exists()


def test_an_overlapping_shift_is_refused_at_its_field(as_, driver):
    page = as_(driver.user)
    for _ in range(2):
        answer = page.post("/drive/shifts/", shift_body(driver), follow=True)
    text = text_of(answer)
    assert "There is a shift at this time already (1 Dec, 06:00 – 14:00 on GJ-06-RAVI, asked for)" in text
    assert Shift.objects.filter(status="PENDING").count() == 1


def test_a_driver_takes_his_own_wish_back_alone(as_, driver, other_driver):
    waiting, foreign = wish(driver), wish(other_driver)
    page = as_(driver.user)
    assert "Taken back." in text_of(page.post(f"/drive/shifts/{waiting.pk}/take-back/", follow=True))
    assert page.post(f"/drive/shifts/{foreign.pk}/take-back/").status_code == 404
    approved = driver.shifts.get()
    answer = page.post(f"/drive/shifts/{approved.pk}/take-back/", follow=True)
    assert "It is decided already" in text_of(answer)


def test_a_vehicle_of_another_home_cannot_be_asked_for(as_, driver, other_ms):
    foreign = Vehicle.objects.create(registration="GJ-05-X", ms_home=other_ms)
    answer = as_(driver.user).post("/drive/shifts/", shift_body(driver, vehicle=foreign.pk))
    assert "Select a valid choice" in text_of(answer)


# --- The station ----------------------------------------------------------------------------------------


def test_an_operator_asks_and_sees_what_becomes_of_it(as_, station_operator, dbs, driver, eic):
    page = as_(station_operator)
    text = text_of(page.get(STATION))
    assert "Nothing asked for yet" in text
    assert "20%" in text
    body = {"dbs": dbs.pk, "requested_qty_kg": "800", "priority": "H", "send_once": "1"}
    assert "Asked for." in text_of(page.post("/station/ask/", body, follow=True))
    assert "It was sent already" in text_of(page.post("/station/ask/", body, follow=True))
    request = StockRequest.objects.get()
    actions.assign(request, driver.pk, eic)
    actions.accept(request.pk, driver)
    assert "GJ-06-RAVI" in text_of(page.get("/station/now/"))


def test_a_wrong_quantity_is_refused_at_its_field(as_, station_operator, dbs):
    body = {"dbs": dbs.pk, "requested_qty_kg": "0", "priority": "H"}
    answer = as_(station_operator).post("/station/ask/", body)
    assert "greater than or equal to 1" in text_of(answer)


def test_an_open_request_is_on_the_station_page_however_old(as_, station_operator, asked):
    old = asked(created_at=now() - timedelta(days=9), requested_qty_kg=777)
    for _ in range(12):
        asked(status="COMPLETED")
    text = text_of(as_(station_operator).get(STATION))
    assert f'data-dialog="cancel-{old.pk}"' in text
    assert "Cancel the request of 777 kg" in text


def test_an_operator_cancels_his_own_alone(as_, station_operator, request_, other_ms):
    foreign = StockRequest.objects.create(dbs=station(other_ms, "FAR"), requested_qty_kg=1)
    page = as_(station_operator)
    assert page.post(f"/station/requests/{foreign.pk}/cancel/").status_code == 404
    assert "Cancelled." in text_of(page.post(f"/station/requests/{request_.pk}/cancel/", follow=True))


# --- Messages and the frame -----------------------------------------------------------------------------


def test_the_messages_say_what_became_of_each(as_, operator, eic, fcm):
    phone_of(eic, "gone")
    fcm.doom("gone", "UNREGISTERED")
    notifications.tell([eic], Message("TRIP_ACCEPTED", "Trip Accepted", "Ravi accepted.", "key"))
    text = text_of(as_(operator).get(MESSAGES))
    assert "Trip Accepted" in text
    assert "UnregisteredError" in text
    assert "No message fits" in text_of(as_(operator).get(f"{MESSAGES}?status=sent"))


def test_the_home_page_and_the_rail_show_what_waits(as_, eic, request_):
    text = text_of(as_(eic).get("/"))
    assert "Without a driver" in text
    assert "request waits for a driver" in text


def test_the_queue_is_on_the_board(as_, eic, driver):
    token = tokens.join(shifts.active_shift(driver, now()), now())
    assert token.number in text_of(as_(eic).get(BOARD))


def test_old_messages_are_removed(eic):
    phone_of(eic)
    notifications.tell([eic], Message("TRIP_ACCEPTED", "T", "B", "key"))
    assert notifications.prune(now()) == 0
    assert notifications.prune(now() + timedelta(days=91)) == 1
