"""Firebase over real HTTP: what it takes, what it refuses, and what that means for the device."""

import subprocess
import sys
from pathlib import Path

import pytest

from logistics.notifications import fcm as firebase
from logistics.notifications.fcm import FcmError, Push


def push(token: str = "phone", **fields: object) -> Push:
    return Push(token, "Trip Accepted", "Ravi accepted the trip to Anand DBS.", **fields)


def only(outcomes: list[firebase.Outcome]) -> firebase.Outcome:
    assert len(outcomes) == 1
    return outcomes[0]


def test_a_push_arrives_with_its_words_and_data(fcm):
    assert only(firebase.send([push(data={"trip_id": "7"})])) == firebase.Outcome()
    arrived = fcm.arrived("phone")[0]
    assert arrived["notification"] == {
        "title": "Trip Accepted",
        "body": "Ravi accepted the trip to Anand DBS.",
    }
    assert arrived["data"] == {"trip_id": "7"}
    assert arrived["android"]["priority"] == "high"


def test_data_is_sent_as_text(fcm):
    firebase.send([push(data={"trip_id": 7})])
    assert fcm.arrived()[0]["data"] == {"trip_id": "7"}


def test_two_pushes_with_one_tag_replace_each_other_on_the_phone(fcm):
    firebase.send([push(tag="offer:7:expired"), push(tag="offer:7:expired")])
    tags = {arrived["android"]["notification"]["tag"] for arrived in fcm.arrived()}
    collapsed = {arrived["apns"]["headers"]["apns-collapse-id"] for arrived in fcm.arrived()}
    assert len(tags) == 1
    assert tags == collapsed


def test_nothing_to_send_asks_nobody(fcm):
    assert firebase.send([]) == []
    assert fcm.asked() == []


def test_more_than_five_hundred_are_refused():
    with pytest.raises(ValueError, match="500 or fewer"):
        firebase.send([push()] * 501)


def test_five_hundred_sign_in_once(fcm, settings):
    settings.FCM_TIMEOUT_SECONDS = 10
    outcomes = firebase.send([push(f"phone-{number}") for number in range(500)])
    assert {outcome.error for outcome in outcomes} == {""}
    assert len({arrived["token"] for arrived in fcm.arrived()}) == 500
    assert len(fcm.asked("token")) == 1


@pytest.mark.parametrize("code", ["UNREGISTERED", "SENDER_ID_MISMATCH"])
def test_a_device_without_the_app_is_gone(fcm, code):
    fcm.doom("phone", code)
    outcome = only(firebase.send([push()]))
    assert (outcome.is_gone, outcome.is_passing) == (True, False)
    assert outcome.error


@pytest.mark.parametrize(
    "code",
    [
        "QUOTA_EXCEEDED",
        "UNAVAILABLE",
        "INTERNAL",
        "THIRD_PARTY_AUTH_ERROR",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
    ],
)
def test_what_says_nothing_against_the_device_passes(fcm, code):
    fcm.doom("phone", code)
    outcome = only(firebase.send([push()]))
    assert (outcome.is_gone, outcome.is_passing) == (False, True)


def test_a_malformed_push_fails_for_good_and_its_device_stays(fcm):
    fcm.doom("phone", "INVALID_ARGUMENT")
    outcome = only(firebase.send([push()]))
    assert (outcome.is_gone, outcome.is_passing) == (False, False)


def test_each_attempt_is_one_request(fcm):
    """The library would try again by itself for seven seconds; our jobs do that, and show it."""
    fcm.fail(code="UNAVAILABLE", times=None, endpoint="messages:send")
    firebase.send([push()])
    assert len(fcm.asked("messages:send")) == 1


def test_retry_after_is_heard(fcm):
    fcm.fail(code="QUOTA_EXCEEDED", retry_after="17", endpoint="messages:send")
    assert only(firebase.send([push()])).retry_after == 17


@pytest.mark.parametrize("damage", ["malformed", "html", "empty", "truncated", "disconnect"])
def test_an_answer_that_cannot_be_read_passes(fcm, damage):
    fcm.fail(damage=damage, endpoint="messages:send")
    assert only(firebase.send([push()])).is_passing


def test_a_hanging_firebase_is_given_up(fcm):
    fcm.fail(delay=30, endpoint="messages:send")
    outcome = only(firebase.send([push()]))
    assert outcome.is_passing
    assert "DeadlineExceeded" in outcome.error


def test_while_firebase_is_down_the_rest_of_a_batch_is_not_tried(fcm):
    fcm.fail(code="UNAVAILABLE", times=None, endpoint="messages:send")
    outcomes = firebase.send([push(f"phone-{number}") for number in range(200)])
    assert all(outcome.is_passing for outcome in outcomes)
    assert len(fcm.asked("messages:send")) == firebase.AT_ONCE


def test_a_batch_can_fail_by_half(fcm):
    fcm.doom("phone-1", "UNREGISTERED")
    fcm.doom("phone-3", "UNAVAILABLE")
    outcomes = firebase.send([push(f"phone-{number}") for number in range(4)])
    assert [bool(outcome.error) for outcome in outcomes] == [False, True, False, True]
    assert [outcome.is_gone for outcome in outcomes] == [False, True, False, False]


@pytest.mark.parametrize("fault", [{"status": 400}, {"status": 503}, {"delay": 30}, {"damage": "html"}])
def test_a_refused_sign_in_passes_and_names_itself(fcm, fault):
    fcm.fail(**fault, times=None, endpoint="token")
    with pytest.raises(FcmError, match="sign in") as caught:
        firebase.send([push()])
    assert not caught.value.permanent
    assert fcm.arrived() == []


def test_a_missing_key_file_is_named(settings):
    settings.GOOGLE_APPLICATION_CREDENTIALS = "/nowhere/key.json"
    with pytest.raises(FcmError, match=r"GOOGLE_APPLICATION_CREDENTIALS: /nowhere/key\.json cannot be read"):
        firebase.send([push()])


def test_a_file_that_is_no_key_is_named(settings, tmp_path):
    (tmp_path / "key.json").write_text("{}")
    settings.GOOGLE_APPLICATION_CREDENTIALS = str(tmp_path / "key.json")
    with pytest.raises(FcmError, match="no service account"):
        firebase.send([push()])


def test_a_changed_key_file_is_read_anew(fcm, settings):
    firebase.send([push()])
    fcm.write_credentials(Path(settings.GOOGLE_APPLICATION_CREDENTIALS))
    firebase.send([push()])
    assert len(fcm.asked("token")) == 2


def test_firebase_is_imported_only_to_send():
    """It costs half a second and 45 MB."""
    code = (
        "import django; django.setup(); import logistics.tasks, sys; print('firebase_admin' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"
