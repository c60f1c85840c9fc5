"""The stand-in keeps the vendor's contract; if it were wrong, tests that lean on it would prove nothing."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.parcels import demo_journey
from tests.peers.peer import Recorded
from tests.peers.track123 import Track123Server

ROOT = Path(__file__).resolve().parents[2]
IMPORT, QUERY = "tk/v2.1/track/import", "tk/v2.1/track/query"


def post(url, body, key="k", timeout=5):
    headers = {"Track123-Api-Secret": key, "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=timeout) as response:
        return json.load(response)


@pytest.fixture
def server():
    with Track123Server("k") as server:
        yield server


def query(server, *numbers, **more):
    infos = [{"trackNo": number, "courierCode": "fedex"} for number in numbers]
    return post(server.url + QUERY, {"trackNoInfos": infos, "queryPageSize": 100, **more})


def register(server, *numbers):
    return post(server.url + IMPORT, [{"trackNo": number, "courierCode": "fedex"} for number in numbers])


def test_a_registered_number_is_found(server):
    assert register(server, "TN1")["data"]["accepted"] == [{"trackNo": "TN1", "courierCode": "fedex"}]
    answer = query(server, "TN1")
    assert answer["code"] == "00000"
    assert answer["data"]["accepted"]["content"][0]["transitStatus"] == "INIT"


def test_a_second_registration_is_rejected_with_a0400(server):
    register(server, "TN1")
    assert register(server, "TN1")["data"]["rejected"][0]["error"]["code"] == "A0400"


def test_an_unregistered_number_is_rejected_in_a_query(server):
    data = query(server, "TN1")["data"]
    assert data["accepted"]["content"] == []
    assert data["rejected"][0]["trackNo"] == "TN1"


def test_a_wrong_key_is_refused_with_a0201(server):
    assert post(server.url + QUERY, {"trackNos": ["TN1"]}, key="wrong")["code"] == "A0201"


def test_the_v2_form_is_understood(server):
    server.add("TN1", "IN_TRANSIT")
    answer = post(server.url + "tk/v2/track/query", {"trackNos": ["TN1"]})
    assert answer["data"]["accepted"]["content"][0]["transitStatus"] == "IN_TRANSIT"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([{"trackNo": f"TN{n}"} for n in range(101)], "A0400"),
        ([], "A0410"),
        ({}, "A0400"),
        ([{"no": 1}], "A0400"),
    ],
)
def test_a_wrong_registration_is_refused(server, body, code):
    assert post(server.url + IMPORT, body)["code"] == code


def test_an_unknown_endpoint_is_c0113(server):
    assert post(server.url + "tk/v9/nothing", {})["code"] == "C0113"


def test_the_sixth_request_in_a_second_is_too_many(server):
    server.add("TN1")
    codes = [query(server, "TN1")["code"] for _ in range(6)]
    assert codes == ["00000"] * 5 + ["A0706"]


def test_too_many_requests_can_be_http_429():
    with Track123Server("k", per_second=1, limit_by_status=True) as server:
        server.add("TN1")
        query(server, "TN1")
        with pytest.raises(urllib.error.HTTPError) as caught:
            query(server, "TN1")
        caught.value.close()
        assert caught.value.code == 429


def test_the_limit_is_counted_for_each_endpoint():
    with Track123Server("k", per_second=1) as server:
        assert [register(server, "TN1")["code"], query(server, "TN1")["code"]] == ["00000", "00000"]


def test_pages_follow_the_cursor():
    with Track123Server("k", page_size=2) as server:
        for number in ("TN1", "TN2", "TN3"):
            server.add(number)
        first = query(server, "TN1", "TN2", "TN3")["data"]["accepted"]
        second = query(server, "TN1", "TN2", "TN3", cursor=first["cursor"])["data"]["accepted"]
        assert [item["trackNo"] for item in first["content"] + second["content"]] == ["TN1", "TN2", "TN3"]
        assert second["cursor"] is None


numbers = st.lists(st.sampled_from([f"TN{n}" for n in range(30)]), min_size=1, max_size=60)


@given(asked=numbers, registered=st.sets(numbers.map(lambda some: some[0])), page=st.integers(1, 12))
def test_every_number_comes_back_once_whatever_the_pages(asked, registered, page):
    server = Track123Server("k", page_size=page, per_second=0)  # asked directly: no socket is needed
    for number in registered:
        server.add(number)
    found, refused, cursor = [], [], None
    while True:
        body = {"trackNos": asked, "queryPageSize": 100, "cursor": cursor}
        answer = server.answer(Recorded(QUERY, body, {"Track123-Api-Secret": "k"}, 0))
        data = answer.body["data"]
        assert len(data["accepted"]["content"]) <= page
        found += [item["trackNo"] for item in data["accepted"]["content"]]
        refused += [item["trackNo"] for item in data["rejected"]]
        cursor = data["accepted"]["cursor"]
        if cursor is None:
            break
    unique = list(dict.fromkeys(asked))
    assert found == [number for number in unique if number in registered]
    assert refused == [number for number in unique if number not in registered]


def test_a_forged_cursor_is_refused(server):
    assert query(server, "TN1", cursor="????")["code"] == "A0400"


def test_a_parcel_moves_on_with_time(server):
    server.add(
        "TN1", [(0, "INIT"), (10, "IN_TRANSIT", "", "Arrived", "Memphis, TN"), (20, "DELIVERED", "", "Left")]
    )
    server.advance(11)
    assert query(server, "TN1")["data"]["accepted"]["content"][0]["transitStatus"] == "IN_TRANSIT"
    server.advance(10)
    item = query(server, "TN1")["data"]["accepted"]["content"][0]
    assert item["transitStatus"] == "DELIVERED"
    assert [event["eventDetail"] for event in item["localLogisticsInfo"]["trackingDetails"]] == [
        "Left",
        "Arrived",
    ]
    assert item["deliveredTime"] == item["lastTrackingTime"]


def test_local_times_and_utc_differ_by_the_offset(server):
    server.add("TN1", "DELIVERED", utc_offset_hours=-6)
    event = query(server, "TN1")["data"]["accepted"]["content"][0]["localLogisticsInfo"]["trackingDetails"][0]
    assert event["timezone"] == "-06:00"
    assert event["eventTime"].split()[1][2:] == event["eventTimeZeroUTC"][13:19]
    assert event["eventTime"].replace(" ", "T") + "Z" != event["eventTimeZeroUTC"]


def test_a_fault_ends_after_its_times(server):
    server.add("TN1")
    server.fail(code="B0001", times=2)
    assert [query(server, "TN1")["code"] for _ in range(3)] == ["B0001", "B0001", "00000"]


def test_faults_can_be_set_over_http(server):
    server.add("TN1")
    post(server.control_url, {"fail": {"code": "B0100", "endpoint": "query"}})
    assert query(server, "TN1")["code"] == "B0100"


def test_an_unknown_control_is_refused(server):
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(server.control_url, {"explode": {}})
    caught.value.close()
    assert caught.value.code == 400


def test_some_numbers_can_be_rejected_while_others_are_served(server):
    server.add("TN1")
    server.add("TN2")
    server.reject("TN2", "B0001")
    data = query(server, "TN1", "TN2")["data"]
    assert [item["trackNo"] for item in data["accepted"]["content"]] == ["TN1"]
    assert data["rejected"] == [{"trackNo": "TN2", "error": {"code": "B0001", "msg": "System error"}}]


def test_requests_are_recorded(server):
    register(server, "TN1")
    assert server.asked("import")[0].body == [{"trackNo": "TN1", "courierCode": "fedex"}]


def test_stopping_does_not_wait_for_a_hanging_request():
    with Track123Server("k") as server:
        server.fail(delay=60)
        with pytest.raises(TimeoutError):
            post(server.url + QUERY, {"trackNos": ["TN1"]}, timeout=0.1)
        started = time.monotonic()
    assert time.monotonic() - started < 5


def test_the_demo_delivers_most_parcels_within_two_minutes():
    ends = [demo_journey(f"1Z{n:08d}", "ups")[-1] for n in range(500)]
    delivered = [step for step in ends if step.status == "DELIVERED"]
    assert 400 <= len(delivered) <= 460
    assert all(40 <= step.after <= 110 for step in delivered)
    assert {step.status for step in ends} == {
        "DELIVERED",
        "DELIVERY_FAILED",
        "ABNORMAL",
        "EXPIRED",
        "NO_RECORD",
    }


def test_a_demo_journey_depends_on_the_number_alone():
    assert demo_journey("TN1", "fedex") == demo_journey("TN1", "fedex")


def test_a_demo_number_may_state_its_own_speed():
    assert demo_journey("DEMO-20-0001", "fedex")[-1].after == 20


def test_the_state_file_remembers_when_a_number_was_first_seen(tmp_path):
    clock = [1_800_000_000.0]
    options = {"auto_register": True, "journey": demo_journey, "clock": lambda: clock[0]}
    with Track123Server("k", state=tmp_path / "seen.json", **options) as server:
        query(server, "DEMO-20-1")
    clock[0] += 21
    with Track123Server("k", state=tmp_path / "seen.json", **options) as server:
        assert query(server, "DEMO-20-1")["data"]["accepted"]["content"][0]["transitStatus"] == "DELIVERED"


def test_a_busy_port_is_explained(server):
    port = server.url.split(":")[2].split("/")[0]
    command = [sys.executable, "-m", "tests.peers.track123", "--port", port]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2
    assert f"port {port} cannot be used: Address already in use" in done.stderr


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_and_stops_cleanly(sign):
    command = [sys.executable, "-m", "tests.peers.track123", "--port", "0", "--auto-register"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        url = process.stdout.readline().split()[-1]
        answer = post(url + QUERY, {"trackNos": ["DEMO-20-1"]}, key="demo-key")
        process.send_signal(sign)
        assert process.wait(timeout=5) == 0
    assert answer["data"]["accepted"]["content"][0]["trackNo"] == "DEMO-20-1"
