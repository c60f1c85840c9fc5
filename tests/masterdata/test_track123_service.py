"""Track123Client over real sockets: what it makes of every answer, good and bad."""

import logging
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterdata.statuses import SEVERITY, STATUS_LABELS, TransitStatus, worst
from masterdata.track123_service import (
    ParcelRef,
    Track123Client,
    Track123Error,
    read_parcel,
    read_webhook,
)
from tests.peers.track123 import Track123Server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
KEY = "secret-key-1234"


@pytest.fixture(autouse=True)
def no_waiting(settings):
    settings.TRACK123_REQUESTS_PER_SECOND = 10_000


@pytest.fixture
def server():
    with Track123Server(KEY, per_second=0) as server:
        yield server


@pytest.fixture
def client(server):
    return Track123Client(KEY, server.url, timeout=2)


def refs(*numbers):
    return [ParcelRef(number, "fedex") for number in numbers]


def failure(client, *numbers):
    with pytest.raises(Track123Error) as caught:
        client.query(refs(*(numbers or ("TN1",))))
    return caught.value


# --- register ------------------------------------------------------------------


def test_register_sends_number_and_courier(server, client):
    assert client.register(refs("TN1")).accepted == ("TN1",)
    assert server.asked("import")[0].body == [{"trackNo": "TN1", "courierCode": "fedex"}]


def test_an_unknown_courier_is_left_out(server, client):
    client.register([ParcelRef("TN1")])
    assert server.asked("import")[0].body == [{"trackNo": "TN1"}]


def test_an_already_registered_number_counts_as_registered(client):
    client.register(refs("TN1"))
    assert client.register(refs("TN1", "TN2")).accepted == ("TN1", "TN2")


def test_a_number_that_cannot_be_registered_is_reported_alone(server, client):
    server.reject("TN2", "A0410", "No courier fits")
    result = client.register(refs("TN1", "TN2"))
    assert result.accepted == ("TN1",)
    assert [(item.number, item.code, item.message) for item in result.rejected] == [
        ("TN2", "A0410", "No courier fits")
    ]


@pytest.mark.parametrize("action", ["register", "query"])
def test_more_than_100_numbers_are_the_callers_mistake(client, action):
    with pytest.raises(ValueError, match="101 numbers"):
        getattr(client, action)(refs(*(f"TN{n}" for n in range(101))))


@pytest.mark.parametrize("action", ["register", "query"])
def test_no_numbers_need_no_request(server, client, action):
    getattr(client, action)([])
    assert server.requests == []


def test_an_empty_number_is_the_callers_mistake(client):
    with pytest.raises(ValueError, match="empty"):
        client.query(refs(" "))


# --- query ------------------------------------------------------------------


def test_query_returns_the_state_of_each_parcel(server, client):
    server.add("TN1", "IN_TRANSIT", courier="fedex")
    server.add("TN2", "DELIVERED", courier="ups")
    result = client.query(refs("TN1", "TN2"))
    assert [(p.number, p.status, p.courier_code) for p in result.parcels] == [
        ("TN1", TransitStatus.IN_TRANSIT, "fedex"),
        ("TN2", TransitStatus.DELIVERED, "ups"),
    ]
    assert result.rejected == ()


def test_events_are_in_utc_with_the_newest_first(server, client):
    server.add("TN1", "DELIVERED", utc_offset_hours=-6)
    (parcel,) = client.query(refs("TN1")).parcels
    assert [event.status for event in parcel.events] == [
        "DELIVERED_01",
        "WAITING_DELIVERY_01",
        "IN_TRANSIT_01",
        "INFO_RECEIVED_01",
    ]
    assert parcel.events[0].at - parcel.events[1].at == timedelta(hours=6)
    assert abs(datetime.now(UTC) - parcel.events[0].at) < timedelta(minutes=1)


def test_the_delivery_is_in_utc_though_track123_writes_local_time(server, client):
    server.add("TN1", "DELIVERED", utc_offset_hours=5.5)
    (parcel,) = client.query(refs("TN1")).parcels
    assert parcel.delivered_at == parcel.last_event_at == parcel.events[0].at


def test_a_parcel_that_only_says_delivered_is_not_delivered(server, client):
    server.add("TN1", [(0, "IN_TRANSIT", "", "Delivered to the sorting centre")])
    (parcel,) = client.query(refs("TN1")).parcels
    assert parcel.status == TransitStatus.IN_TRANSIT
    assert parcel.delivered_at is None


def test_a_parcel_without_events_has_no_times(server, client):
    server.add("TN1", "NO_RECORD")
    (parcel,) = client.query(refs("TN1")).parcels
    assert (parcel.events, parcel.last_event_at, parcel.delivered_at) == ((), None, None)


def test_an_unregistered_number_is_rejected_and_others_are_served(server, client):
    server.add("TN1")
    result = client.query(refs("TN1", "TN2"))
    assert [parcel.number for parcel in result.parcels] == ["TN1"]
    assert [(item.number, item.code) for item in result.rejected] == [("TN2", "A0400")]


def test_a_number_given_twice_is_asked_for_once(server, client):
    server.add("TN1")
    assert len(client.query(refs("TN1", "TN1")).parcels) == 1
    assert len(server.asked("query")[0].body["trackNoInfos"]) == 1


def test_a_status_nobody_knows_spoils_no_other_parcel(server, client):
    server.add("TN1")
    server.add("TN2", [(0, "TELEPORTED")])
    result = client.query(refs("TN1", "TN2"))
    assert [parcel.number for parcel in result.parcels] == ["TN1"]
    assert result.rejected[0].code == "unreadable"
    assert "TELEPORTED" in result.rejected[0].message


def test_a_number_that_track123_forgets_is_reported(server, client):
    server.add("TN1", fields={"trackNo": "OTHER"})
    assert [(item.number, item.code) for item in client.query(refs("TN1")).rejected] == [("TN1", "no_answer")]


def test_all_pages_are_read(server, client):
    server.page_size = 7
    numbers = [f"TN{n}" for n in range(100)]
    for number in numbers:
        server.add(number)
    server.reject("TN3")
    result = client.query(refs(*numbers))
    assert len(result.parcels) == 99
    assert [item.number for item in result.rejected] == ["TN3"]


def test_a_cursor_that_repeats_ends_in_an_error(server, client, monkeypatch):
    page = {"accepted": {"content": [], "cursor": "again"}, "rejected": []}
    monkeypatch.setattr(server, "_query", lambda body: page)
    error = failure(client)
    assert not error.permanent
    assert len(server.requests) == 2


# --- codes ------------------------------------------------------------------


@pytest.mark.parametrize("code", ["A0706", "B0001", "B0100", "B0210", "B0300", "B0310", "D0000"])
def test_passing_codes_may_be_tried_again(server, client, code):
    server.fail(code=code)
    error = failure(client)
    assert (error.code, error.permanent) == (code, False)


@pytest.mark.parametrize("code", ["A0200", "A0201", "A0231", "A0300", "A0301", "A0400", "A0410", "C0113"])
def test_permanent_codes_are_never_tried_again(server, client, code):
    server.fail(code=code)
    error = failure(client)
    assert (error.code, error.permanent) == (code, True)


def test_a_wrong_key_says_what_to_do(server):
    error = failure(Track123Client("another-key", server.url, timeout=2))
    assert error.permanent
    assert str(error) == (
        "Track123 refused the API key (A0201): enter a valid key in the Google Drive settings."
    )


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_may_be_asked_again(server, client, status):
    server.fail(status=status)
    error = failure(client)
    assert (error.code, error.permanent, error.retry_after) == (
        f"http_{status}",
        False,
        2.0 if status == 429 else None,
    )


def test_retry_after_in_seconds_is_heard(server, client):
    server.fail(status=429, retry_after="17")
    assert failure(client).retry_after == 17


def test_retry_after_as_a_date_is_heard(server, client):
    later = datetime.now(UTC) + timedelta(seconds=60)
    server.fail(status=503, retry_after=f"{later:%a, %d %b %Y %H:%M:%S GMT}")
    assert 50 < failure(client).retry_after <= 60


@pytest.mark.parametrize(("header", "seconds"), [("soon", 2.0), ("-5", 0), ("1e9", 3600), ("nan", 0)])
def test_a_senseless_retry_after_does_no_harm(server, client, header, seconds):
    server.fail(status=429, retry_after=header)
    assert failure(client).retry_after == seconds


@pytest.mark.parametrize(("status", "permanent"), [(401, True), (403, True), (404, True), (408, False)])
def test_other_http_errors(server, client, status, permanent):
    server.fail(code="", status=status)
    error = failure(client)
    assert (error.code, error.permanent) == (f"http_{status}", permanent)


def test_success_needs_http_200_and_the_code(server, client):
    server.add("TN1")
    server.fail(status=202)
    assert not failure(client).permanent


def test_too_many_requests_then_fine():
    with Track123Server(KEY, per_second=1) as server:
        server.add("TN1")
        client = Track123Client(KEY, server.url, timeout=2)
        client.query(refs("TN1"))
        assert failure(client).code == "A0706"
        time.sleep(1)
        assert len(client.query(refs("TN1")).parcels) == 1


def test_the_client_keeps_to_the_limit_by_itself(settings):
    settings.TRACK123_REQUESTS_PER_SECOND = 5
    with Track123Server(KEY, per_second=5) as server:
        server.add("TN1")
        client = Track123Client(KEY, server.url, timeout=5)
        assert [len(client.query(refs("TN1")).parcels) for _ in range(8)] == [1] * 8


def test_a_turn_too_far_away_is_tried_later(server, settings):
    settings.TRACK123_REQUESTS_PER_SECOND = 0.1
    server.add("TN1")
    client = Track123Client(KEY, server.url, timeout=0.5)
    client.query(refs("TN1"))
    error = failure(client)
    assert (error.code, error.permanent) == ("throttled", False)
    assert error.retry_after
    assert len(server.requests) == 1


# --- broken answers ------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["malformed", "html", "empty", "huge", "redirect"])
def test_an_answer_that_cannot_be_read_may_be_asked_for_again(server, client, damage, monkeypatch):
    monkeypatch.setattr("masterdata.track123_service.MAX_ANSWER", 1_000_000)
    server.add("TN1")
    server.fail(damage=damage)
    error = failure(client)
    assert not error.permanent
    assert error.code in ("malformed", "http_307")


@pytest.mark.parametrize("damage", ["truncated", "disconnect"])
def test_a_connection_that_breaks_off_may_be_tried_again(server, client, damage):
    server.add("TN1")
    server.fail(damage=damage)
    error = failure(client)
    assert not error.permanent
    assert error.code in ("connection", "malformed")


def test_a_redirect_is_not_followed(server, client):
    server.fail(damage="redirect")
    failure(client)
    assert len(server.requests) == 1


def test_a_slow_answer_within_the_time_is_fine(server, client):
    server.add("TN1")
    server.fail(delay=0.3)
    assert len(client.query(refs("TN1")).parcels) == 1


@pytest.mark.parametrize("fault", [{"delay": 60}, {"damage": "drip"}])
def test_a_server_that_hangs_is_given_up(server, fault):
    client = Track123Client(KEY, server.url, timeout=0.4)
    server.fail(**fault)
    started = time.monotonic()
    error = failure(client)
    assert (error.code, error.permanent) == ("timeout", False)
    assert time.monotonic() - started < 2
    assert str(error) == "Track123 did not answer within 0.4 seconds."


def test_a_refused_connection_may_be_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure(Track123Client(KEY, f"http://127.0.0.1:{port}/", timeout=1))
    assert (error.code, error.permanent) == ("connection", False)


def test_something_that_is_not_http_may_be_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Connected, never accepted: the request is sent and no answer comes.
        client = Track123Client(KEY, f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.3)
        assert failure(client).code == "timeout"


# --- the key ------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [{"code": "A0201"}, {"status": 500}, {"damage": "html"}, {"damage": "disconnect"}]
)
def test_the_key_is_never_shown(server, client, fault, caplog):
    caplog.set_level(logging.DEBUG)
    server.fail(**fault)
    error = failure(client)
    shown = f"{error!r} {error} {error.__cause__!r} {vars(error)} {client!r} {caplog.text}"
    assert KEY not in shown


@pytest.mark.parametrize("key", ["", "  ", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(key):
    with pytest.raises(Track123Error) as caught:
        Track123Client(key)
    assert caught.value.permanent
    assert not key.strip() or key not in str(caught.value)


# --- webhook ------------------------------------------------------------------


@pytest.mark.parametrize("digest", ["sha256", "hmac"])
def test_a_signed_webhook_is_read(server, digest):
    server.add("TN1", "DELIVERED")
    parcel = read_webhook(server.webhook_body("TN1", digest=digest), ["other", KEY], datetime.now(UTC))
    assert (parcel.number, parcel.status) == ("TN1", TransitStatus.DELIVERED)


def test_a_webhook_signed_with_another_key_is_refused(server):
    server.add("TN1")
    with pytest.raises(Track123Error, match="signature"):
        read_webhook(server.webhook_body("TN1"), ["other"], datetime.now(UTC))


@pytest.mark.parametrize(("hours", "fresh"), [(47, True), (49, False)])
def test_a_webhook_is_believed_for_48_hours(server, hours, fresh):
    server.add("TN1")
    body = server.webhook_body("TN1")
    later = datetime.now(UTC) + timedelta(hours=hours)
    if fresh:
        assert read_webhook(body, [KEY], later).number == "TN1"
    else:
        with pytest.raises(Track123Error, match="too old"):
            read_webhook(body, [KEY], later)


@pytest.mark.parametrize(
    "body", [None, [], {}, {"verify": {}}, {"verify": {"timestamp": "never", "signature": "x"}}]
)
def test_a_webhook_without_sense_is_refused(body):
    with pytest.raises(Track123Error):
        read_webhook(body, [KEY], datetime.now(UTC))


# --- whatever arrives ------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
event_fields = ("eventTime", "eventTimeZeroUTC", "timezone", "eventDetail", "address", "transitSubStatus")
events = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(event_fields, json_values | st.datetimes().map(str))
)
items = st.fixed_dictionaries(
    {},
    optional={
        "trackNo": json_values,
        "transitStatus": st.sampled_from(TransitStatus.values) | json_values,
        "deliveredTime": json_values,
        "lastTrackingTime": json_values,
        "localLogisticsInfo": st.fixed_dictionaries({"trackingDetails": st.lists(events)}) | json_values,
    },
)


@given(items | json_values)
def test_any_parcel_is_either_read_or_refused(item):
    try:
        parcel = read_parcel(item)
    except Track123Error:
        return
    assert all(event.at.tzinfo == UTC and "\x00" not in event.description for event in parcel.events)


# --- statuses ------------------------------------------------------------------


def test_every_status_has_a_label_and_a_severity():
    assert set(SEVERITY) == set(TransitStatus) == set(STATUS_LABELS)


def test_the_least_advanced_parcel_speaks_for_the_order():
    assert worst(["DELIVERED", "IN_TRANSIT", "WAITING_DELIVERY"]) == TransitStatus.IN_TRANSIT
    assert worst(["DELIVERED", "ABNORMAL", "NO_RECORD"]) == TransitStatus.ABNORMAL
    assert worst([]) is None
