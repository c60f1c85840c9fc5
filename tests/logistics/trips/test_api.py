"""Trips over REST: what each role may do, what is refused with which words, and for whom no trip exists."""

import logging
from datetime import date, datetime, timedelta
from io import BytesIO
from itertools import pairwise

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from PIL import Image

from ims.accounts import roles
from ims.lib.models import AuditLog
from logistics import tasks, trip_actions
from logistics.trips.live_models import GpsPoint
from logistics.trips.models import Company, Contract, Patient, Trip, TripStatus
from logistics.trips.planning import Crew
from scheduling.models import QueuedJob
from scheduling.testing import assert_enqueued, enqueued
from tests.conftest import make_user
from tests.logistics.trips.conftest import WAY, go

pytestmark = pytest.mark.django_db
TRIPS = "/api/trips/"


def post(client, trip: Trip, what: str, body: object = None):
    return client.post(f"{TRIPS}{trip.pk}/{what}/", {} if body is None else body, format="json")


def status_of(trip: Trip) -> str:
    trip.refresh_from_db()
    return trip.status


# --- Who ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["", "gps/", "events/", "events/?after=0"])
def test_for_a_stranger_no_trip_exists(api, stranger, other_driver, trip, what):
    for user in (stranger, other_driver.user, make_user("buyer", roles.BUYER), make_user("eic", roles.EIC)):
        assert api(user).get(f"{TRIPS}{trip.pk}/{what}").status_code == 404


@pytest.mark.parametrize("what", ["assign", "status", "cancel", "gps", "share"])
def test_a_stranger_cannot_act_on_what_does_not_exist(api, stranger, trip, what):
    assert post(api(stranger), trip, what).status_code == 404


def test_without_a_login_it_is_401(anonymous_api, trip):
    assert anonymous_api.get(TRIPS).status_code == 401
    assert anonymous_api.get(f"{TRIPS}{trip.pk}/gps/").status_code == 401


def test_dispatcher_crew_and_patient_see_the_trip(api, dispatcher, driver, paramedic, patient, trip):
    for user in (dispatcher, driver.user, paramedic, patient.user):
        assert api(user).get(f"{TRIPS}{trip.pk}").json()["id"] == trip.pk
        assert api(user).get(TRIPS).json()["count"] == 1


def test_the_list_is_not_for_those_who_can_have_no_trip(api, trip):
    assert api(make_user("buyer", roles.BUYER)).get(TRIPS).status_code == 403


def test_the_list_of_a_driver_holds_none_of_anothers_trips(api, other_driver, trip):
    assert api(other_driver.user).get(TRIPS).json()["count"] == 0


def test_patient_and_notes_are_for_the_crew(api, driver, trip):
    seen = api(driver.user).get(f"{TRIPS}{trip.pk}/").json()
    assert seen["patient"]["medical_record_number"] == "MRN-SECRET-1"
    assert seen["notes"] == "allergic to penicillin"


def test_the_patient_reads_no_notes_and_moves_nothing(api, patient, trip):
    client = api(patient.user)
    seen = client.get(f"{TRIPS}{trip.pk}/").json()
    assert (seen["patient"], seen["notes"]) == (None, "")
    for what in ("status", "gps", "cancel", "assign", "share"):
        assert post(client, trip, what).status_code == 403


def test_a_login_with_the_number_of_the_patient_is_not_the_patient(api):
    namesake = make_user("namesake", roles.PATIENT)
    patient = Patient.objects.create(pk=namesake.pk, medical_record_number="M", name="Somebody else")
    trip = Trip.objects.create(patient=patient)
    assert api(namesake).get(f"{TRIPS}{trip.pk}/").status_code == 404


def test_crew_cannot_do_what_dispatchers_do(api, driver, trip):
    client = api(driver.user)
    assert client.post(TRIPS, {}, format="json").status_code == 403
    assert post(client, trip, "cancel").status_code == 403
    assert post(client, trip, "assign", {"driver_id": driver.pk}).status_code == 403


def test_the_list_asks_as_often_for_many_trips(
    api, dispatcher, trip, patient, driver, django_assert_max_num_queries
):
    client = api(dispatcher)
    for _ in range(5):
        Trip.objects.create(
            patient=patient, driver=driver, vehicle=driver.assigned_vehicle, status="assigned"
        )
    with django_assert_max_num_queries(8):
        assert client.get(TRIPS).json()["count"] == 6


# --- Planning -------------------------------------------------------------------------------------------


def plan(client, **body: object):
    facts = {
        "pickup_place": "A",
        "dropoff_place": "B",
        "scheduled_pickup_time": now().isoformat(),
        **body,
    }
    return client.post(TRIPS, facts, format="json")


def test_a_dispatcher_plans_a_transport(api, dispatcher, patient):
    answer = plan(api(dispatcher), patient_id=patient.pk)
    assert answer.status_code == 201, answer.json()
    assert (answer.json()["status"], answer.json()["patient"]["id"]) == ("pending", patient.pk)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"patient_id": 999}, "patient_id"), ({}, "patient_id"), ({"pickup_lat": 91}, "pickup_lat")],
)
def test_a_wrong_plan_names_its_field(api, dispatcher, patient, body, field):
    wanted = body if field == "patient_id" else {"patient_id": patient.pk, **body}
    answer = plan(api(dispatcher), **wanted)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]


def test_a_contract_pays_for_trips_of_its_own_days(api, dispatcher, patient):
    company = Company.objects.create(name="Gujarat Care")
    over = Contract.objects.create(company=company, number="GC-1", start="2025-01-01", end="2025-12-31")
    plan = {
        "patient_id": patient.pk,
        "contract_id": over.pk,
        "pickup_place": "12 Alkapuri",
        "dropoff_place": "SSG Hospital",
        "scheduled_pickup_time": "2025-12-31T20:00:00Z",  # the next day in India
    }
    answer = api(dispatcher).post(TRIPS, plan, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "contract_over")
    assert answer.json()["error"]["message"] == (
        "contract_id: Contract GC-1 is for trips from 2025-01-01 to 2025-12-31, not on 2026-01-01:"
        " choose another."
    )
    in_time = {**plan, "scheduled_pickup_time": "2025-12-31T18:00:00Z"}
    assert api(dispatcher).post(TRIPS, in_time, format="json").status_code == 201


def test_a_contract_does_not_end_before_it_starts():
    with pytest.raises(ValidationError) as caught:
        Contract(number="GC-1", start=date(2026, 2, 1), end=date(2026, 1, 1)).clean()
    assert caught.value.message_dict == {"end": ["The last day must not be before the first."]}


def test_assigning_tells_the_driver(api, dispatcher, pending, driver):
    answer = post(api(dispatcher), pending, "assign", {"driver_id": driver.pk})
    assert (answer.status_code, answer.json()["status"]) == (200, "assigned")
    assert answer.json()["vehicle"]["registration"] == "AM-RAVI"
    assert_enqueued(tasks.send_trip_assignment_notification, trip_id=pending.pk, driver_id=driver.pk)


def test_a_planned_trip_leaves_the_vehicle_free(trip):
    trip.vehicle.refresh_from_db()
    assert trip.vehicle.status == "available"


def test_another_crew_takes_over_in_mid_trip(api, dispatcher, under_way, driver, other_driver):
    answer = post(api(dispatcher), under_way, "assign", {"driver_id": other_driver.pk})
    assert (answer.json()["status"], answer.json()["driver"]["name"]) == ("en_route", "Meena")
    for each in (driver, other_driver):
        each.assigned_vehicle.refresh_from_db()
    assert driver.assigned_vehicle.status == "available"
    assert other_driver.assigned_vehicle.status == "in_trip"
    assert [job["driver_id"] for job in enqueued(tasks.send_trip_withdrawn_notification)] == [driver.pk]
    assert api(driver.user).get(f"{TRIPS}{under_way.pk}/").status_code == 404
    assert api(other_driver.user).get(f"{TRIPS}{under_way.pk}/").status_code == 200


def test_a_driver_on_another_trip_cannot_take_over(api, dispatcher, under_way, other_driver, patient):
    busy = Trip.objects.create(
        patient=patient,
        driver=other_driver,
        vehicle=other_driver.assigned_vehicle,
        status="in_transit",
        status_changed_at=now(),
    )
    answer = post(api(dispatcher), under_way, "assign", {"driver_id": other_driver.pk})
    assert answer.status_code == 400
    assert f"on trip {busy.pk}" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("change", "words"),
    [("driver", "suspended"), ("vehicle", "maintenance"), ("ended", "make a new one")],
)
def test_what_cannot_drive_is_refused_with_the_cure(api, dispatcher, trip, other_driver, change, words):
    if change == "driver":
        type(other_driver).objects.update(status="SUSPENDED")
    elif change == "vehicle":
        type(other_driver.assigned_vehicle).objects.update(status="maintenance")
    else:
        trip_actions.cancel(trip, None)
    answer = post(api(dispatcher), trip, "assign", {"driver_id": other_driver.pk})
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_cancelling_twice_is_once(api, dispatcher, under_way):
    for _ in range(2):
        assert post(api(dispatcher), under_way, "cancel", {"reason": "by phone"}).status_code == 200
    under_way.vehicle.refresh_from_db()
    assert (status_of(under_way), under_way.reason) == ("cancelled", "by phone")
    assert under_way.vehicle.status == "available"
    assert len(enqueued(tasks.send_trip_withdrawn_notification)) == 1


def test_the_driver_who_has_a_trip_by_now_is_told_of_its_end(trip, other_driver):
    shown = Trip.objects.get(pk=trip.pk)
    trip_actions.assign(trip, Crew(other_driver, other_driver.assigned_vehicle), None)
    trip_actions.cancel(shown, None)
    assert enqueued(tasks.send_trip_withdrawn_notification)[-1]["driver_id"] == other_driver.pk


def test_cancelling_a_planned_trip_leaves_a_vehicle_in_its_other_trip(under_way, driver, patient):
    later = Trip.objects.create(
        patient=patient, driver=driver, vehicle=driver.assigned_vehicle, status="assigned"
    )
    trip_actions.cancel(later, None)
    driver.assigned_vehicle.refresh_from_db()
    assert driver.assigned_vehicle.status == "in_trip"


# --- Moves ----------------------------------------------------------------------------------------------


def test_the_crew_takes_it_step_by_step_and_all_watchers_are_told(api, driver, trip):
    client = api(driver.user)
    for status in WAY:
        answer = post(client, trip, "status", {"status": status})
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    told = [job["status"] for job in enqueued(tasks.broadcast_trip_status)]
    assert told == ["assigned", *WAY]
    trip.vehicle.refresh_from_db()
    assert trip.vehicle.status == "available"


def test_a_step_twice_is_one_step(api, driver, trip):
    for _ in range(2):
        assert post(api(driver.user), trip, "status", {"status": "en_route"}).status_code == 200
    assert len(enqueued(tasks.broadcast_trip_status)) == 2  # assigned, en_route


@pytest.mark.parametrize("status", ["in_transit", "completed", "pending", "cancelled", "flying"])
def test_no_step_is_jumped(api, driver, trip, status):
    answer = post(api(driver.user), trip, "status", {"status": status})
    assert answer.status_code == 400
    assert status_of(trip) == "assigned"


def test_a_driver_starts_one_trip_at_a_time(api, driver, under_way, patient):
    second = Trip.objects.create(
        patient=patient, driver=driver, vehicle=driver.assigned_vehicle, status="assigned"
    )
    answer = post(api(driver.user), second, "status", {"status": "en_route"})
    assert answer.status_code == 400
    assert f"still on trip {under_way.pk}" in answer.json()["error"]["message"]


def test_the_odometer_is_read_at_the_start_and_at_the_end(api, driver, trip):
    client = api(driver.user)
    post(client, trip, "status", {"status": "en_route", "odometer_km": "1000.0"})
    go(trip, TripStatus.IN_TRANSIT)
    back = post(client, trip, "status", {"status": "arrived", "odometer_km": "999.9"})
    assert (back.status_code, back.json()["error"]["code"]) == (400, "odometer_back")
    post(client, trip, "status", {"status": "arrived", "odometer_km": "1012.5"})
    trip.refresh_from_db()
    assert trip.odometer_end_km - trip.odometer_start_km == 12.5


# --- Fixes ----------------------------------------------------------------------------------------------


def fix(seconds_ago: float = 0, **fields: object) -> dict[str, object]:
    moment = now() - timedelta(seconds=seconds_ago)
    return {"latitude": 22.3, "longitude": 73.18, "speed": 40, "recorded_at": moment.isoformat(), **fields}


def test_a_fix_is_kept_and_shown_to_all_who_watch(api, driver, under_way):
    answer = post(api(driver.user), under_way, "gps", fix(heading=359.7))
    assert (answer.status_code, answer.json()) == (201, {"accepted": 1, "duplicates": 0, "rejected": []})
    (told,) = enqueued(tasks.broadcast_gps_update)
    assert (told["latitude"], told["speed"], told["heading"]) == (22.3, 40.0, 0)
    seen = api(driver.user).get(f"{TRIPS}{under_way.pk}/").json()["position"]
    assert (seen["lat"], seen["age_seconds"] < 5) == (22.3, True)


def test_a_fix_costs_few_statements(api, driver, under_way, django_assert_max_num_queries):
    client = api(driver.user)
    post(client, under_way, "gps", fix(5))
    with django_assert_max_num_queries(16):
        post(client, under_way, "gps", fix())


def test_a_fix_that_is_sent_again_is_counted_and_told_once(api, driver, under_way):
    body = fix()
    post(api(driver.user), under_way, "gps", body)
    assert post(api(driver.user), under_way, "gps", body).json()["duplicates"] == 1
    assert GpsPoint.objects.count() == len(enqueued(tasks.broadcast_gps_update)) == 1


def test_a_late_fix_joins_the_track_and_does_not_move_the_vehicle_back(api, driver, under_way):
    client = api(driver.user)
    post(client, under_way, "gps", fix(5, latitude=22.31))
    post(client, under_way, "gps", fix(60, latitude=22.29))
    seen = client.get(f"{TRIPS}{under_way.pk}/gps/").json()["results"]
    assert [point["lat"] for point in seen] == [22.29, 22.31]
    assert client.get(f"{TRIPS}{under_way.pk}/").json()["position"]["lat"] == 22.31


def test_a_long_way_is_thinned_out_by_the_database_and_says_so(api, driver, under_way):
    start = now() - timedelta(hours=3)
    GpsPoint.objects.bulk_create(
        GpsPoint(trip=under_way, lat="22.3", lng="73.1", recorded_at=start + n * timedelta(seconds=4))
        for n in range(2345)
    )
    client = api(driver.user)
    with CaptureQueriesContext(connection) as asked:
        page = client.get(f"{TRIPS}{under_way.pk}/gps/").json()
    assert "ROW_NUMBER" in asked[-1]["sql"]
    assert (page["count"], page["recorded"], page["thinned"]) == (782, 2345, True)
    assert datetime.fromisoformat(page["results"][-1]["recorded_at"]) == start + 2344 * timedelta(seconds=4)
    times = [datetime.fromisoformat(point["recorded_at"]) for point in page["results"]]
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=12)}
    rest = client.get(f"{TRIPS}{under_way.pk}/gps/", {"after": times[-2].isoformat()}).json()
    assert (rest["count"], rest["thinned"]) == (3, False)


def test_a_phone_that_was_offline_sends_its_backlog_and_only_its_last_place_is_news(api, driver, under_way):
    backlog = [fix(3600 - n, latitude=22.3 + n / 1000) for n in range(20)]
    answer = post(api(driver.user), under_way, "gps", {"points": [*backlog[::-1], backlog[0]]})
    assert answer.json() == {"accepted": 20, "duplicates": 1, "rejected": []}
    (told,) = enqueued(tasks.broadcast_gps_update)
    assert told["latitude"] == 22.319


def test_one_bad_fix_does_not_hold_up_the_others(api, driver, under_way):
    points = [fix(1), fix(2, latitude=91), fix(-600), fix(3, lat=1)]
    answer = post(api(driver.user), under_way, "gps", points)
    faults = [(fault["index"], fault["field"]) for fault in answer.json()["rejected"]]
    assert (answer.status_code, answer.json()["accepted"]) == (201, 2)
    assert faults == [(1, "latitude"), (2, "recorded_at")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"latitude": 91, "longitude": 0}, "latitude"),
        ({"longitude": 0}, "latitude"),
        ({"latitude": 1, "longitude": 181}, "longitude"),
        ({"latitude": 1, "longitude": 1, "speed": -1}, "speed"),
        ({"latitude": 1, "longitude": 1, "heading": 400}, "heading"),
        ({"latitude": 1, "longitude": 1, "recorded_at": "yesterday"}, "recorded_at"),
        ({"latitude": "NaN", "longitude": 1}, "latitude"),
        ({"points": []}, "points"),
        ({"points": "x"}, "points"),
        ({"points": [{"latitude": 1, "longitude": 1}] * 2}, "recorded_at"),
        ({"points": [{}] * 1001}, "points"),
    ],
)
def test_a_wrong_fix_names_its_field(api, driver, under_way, body, field):
    answer = post(api(driver.user), under_way, "gps", body)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]


def test_after_the_end_only_fixes_from_before_are_taken(api, driver, under_way):
    go(under_way)
    client = api(driver.user)
    assert post(client, under_way, "gps", fix(-1)).status_code == 400
    assert post(client, under_way, "gps", fix(30)).status_code == 201


def test_a_trip_without_a_crew_takes_no_fixes(api, dispatcher, pending):
    assert post(api(dispatcher), pending, "gps", fix()).json()["error"]["code"] == "not_assigned"


# --- Proof and share ------------------------------------------------------------------------------------


def picture(content: bytes | None = None) -> SimpleUploadedFile:
    if content is None:
        drawn = BytesIO()
        Image.new("RGB", (4, 4)).save(drawn, "PNG")
        content = drawn.getvalue()
    return SimpleUploadedFile("my name.png", content)


def test_a_signature_is_kept_and_shown_to_the_crew_alone(
    api, client, driver, patient, under_way, settings, tmp_path
):
    settings.MEDIA_ROOT = tmp_path
    body = {"kind": "signature", "picture": picture(), "signed_by": "Nurse Rao"}
    answer = api(driver.user).post(f"{TRIPS}{under_way.pk}/proof/", body, format="multipart")
    assert answer.status_code == 201, answer.json()
    page = f"/trips/{under_way.pk}/proofs/{answer.json()['id']}/"
    client.force_login(driver.user)
    shown = client.get(page)
    assert (shown["Content-Type"], b"".join(shown)[:4]) == ("image/png", b"\x89PNG")
    client.force_login(patient.user)
    assert client.get(page).status_code == 404


def test_a_file_that_is_no_picture_is_refused(api, driver, under_way):
    body = {"kind": "photo", "picture": picture(b"%PDF-1.4")}
    answer = api(driver.user).post(f"{TRIPS}{under_way.pk}/proof/", body, format="multipart")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_picture")


def test_a_revoked_link_opens_no_more_and_a_new_one_does(api, client, driver, under_way):
    crew = api(driver.user)
    old = post(crew, under_way, "share").json()["url"]
    assert crew.delete(f"{TRIPS}{under_way.pk}/share/").status_code == 204
    new = post(crew, under_way, "share").json()["url"]
    opened = [client.get(url[url.index("/share/") :]).status_code for url in (old, new)]
    assert opened == [404, 200]


def test_the_page_revokes_what_it_shared(client, driver, under_way):
    client.force_login(driver.user)
    page = f"/trips/{under_way.pk}/"
    assert "Revoke links" not in client.get(page).content.decode()
    client.post(f"{page}share/")
    assert "Revoke links" in client.get(page).content.decode()
    client.post(f"{page}unshare/")
    shown = client.get(page).content.decode()
    assert "Links revoked" in shown
    assert "Revoke links" not in shown


# --- What must not leak ---------------------------------------------------------------------------------


def test_nothing_about_the_patient_is_in_jobs_logs_or_the_audit_log(api, driver, dispatcher, trip, caplog):
    caplog.set_level(logging.DEBUG)
    client = api(driver.user)
    post(client, trip, "gps", fix())
    go(trip)
    client.get(f"{TRIPS}{trip.pk}/")
    kept = [repr([enqueued(task) for task in (tasks.broadcast_gps_update, tasks.broadcast_trip_status,
            tasks.process_trip_completion, tasks.send_trip_assignment_notification)])]  # fmt: skip
    kept += [repr(list(AuditLog.objects.values()))]
    kept += [record.getMessage() for record in caplog.records if record.name != "django.db.backends"]
    assert QueuedJob.objects.exists()
    for secret in ("Asha", "MRN-SECRET", "penicillin", "asha@example.com"):
        assert not [text for text in kept if secret in text]
