"""One service tells people on their phones, at the bell and by e-mail, and keeps what became of it."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ims.notices import services as notices
from ims.notices.models import Notice
from logistics import actions, tasks
from logistics.checks import push_credentials
from logistics.notifications import devices, services
from logistics.notifications.kinds import kind_of
from logistics.notifications.models import DeviceToken, Notification
from logistics.notifications.services import Message, NotDelivered
from scheduling.models import Attempt
from scheduling.testing import drain, enqueued
from tests.conftest import make_user
from tests.logistics.conftest import phone_of

pytestmark = pytest.mark.django_db


def message(key: str = "event-1", **fields: object) -> Message:
    facts = {"type": "TRIP_ACCEPTED", "title": "Trip Accepted", "body": "Ravi accepted.", **fields}
    return Message(key=key, **facts)


def states(key: str = "event-1") -> dict[str, str]:
    rows = Notification.objects.filter(key=key, channel="push").select_related("device")
    return {row.device.token: row.status for row in rows}


def test_every_device_of_a_person_is_reached_and_recorded(eic, fcm):
    phone_of(eic, "a"), phone_of(eic, "b")
    assert services.tell([eic], message(data={"trip_id": "7"})) == 2
    assert states() == {"a": "sent", "b": "sent"}
    assert Notification.objects.exclude(sent_at=None).count() == 2
    assert fcm.arrived("a")[0]["data"] == {"trip_id": "7"}


def test_telling_again_sends_nothing_and_counts_the_same(eic, fcm):
    phone_of(eic)
    services.tell([eic], message())
    assert services.tell([eic], message()) == 1
    assert len(fcm.arrived()) == 1
    assert Notice.objects.count() == 1


def test_a_person_without_a_device_is_not_counted_and_still_sees_the_bell(eic, fcm):
    assert services.tell([eic], message()) == 0
    notice = Notice.objects.get()
    assert (notice.user, notice.title, notice.kind) == (eic, "Trip Accepted", "dispatch.trip_accepted")


def test_a_muted_kind_reaches_neither_phone_nor_bell(eic, fcm):
    phone_of(eic)
    notices.mute(eic, kind_of("TRIP_ACCEPTED"))
    assert services.tell([eic], message()) == 0
    assert services.tell([eic], message("event-2", type="DRIVER_REJECTED")) == 1
    assert Notice.objects.count() == 1


def test_without_credentials_it_is_recorded_as_not_configured(eic):
    phone_of(eic)
    assert services.tell([eic], message()) == 0
    assert states() == {"phone-of-eic": "not_configured"}
    assert Notice.objects.count() == 1


@pytest.mark.parametrize("code", ["UNREGISTERED", "SENDER_ID_MISMATCH"])
def test_a_dead_token_is_deactivated_with_the_reason(eic, fcm, code):
    phone_of(eic)
    fcm.doom("phone-of-eic", code)
    assert services.tell([eic], message()) == 0
    device = DeviceToken.objects.get()
    assert (device.is_active, device.ended_because) == (False, "Firebase no longer knows it.")
    assert states() == {"phone-of-eic": "failed"}
    services.tell([eic], message("event-2"))
    assert states("event-2") == {}


@pytest.mark.parametrize(
    "code", ["QUOTA_EXCEEDED", "UNAVAILABLE", "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"]
)
def test_a_passing_error_is_tried_again_and_the_device_stays(eic, fcm, code):
    phone_of(eic, "good"), phone_of(eic, "bad")
    fcm.doom("bad", code)
    with pytest.raises(NotDelivered) as caught:
        services.tell([eic], message())
    assert not caught.value.permanent
    assert states() == {"good": "sent", "bad": "queued"}
    assert Notification.objects.get(status="queued").reason
    fcm.revive("bad")
    assert services.tell([eic], message()) == 2
    assert [push["token"] for push in fcm.arrived()] == ["good", "bad"]
    assert DeviceToken.objects.filter(is_active=True).count() == 2


def test_the_last_try_ends_it_as_failed(eic, fcm):
    phone_of(eic)
    fcm.doom("phone-of-eic", "UNAVAILABLE")
    for _ in range(services.MOST_TRIES):
        assert states() in ({}, {"phone-of-eic": "queued"})
        with pytest.raises(NotDelivered):
            services.tell([eic], message())
    assert states() == {"phone-of-eic": "failed"}
    assert services.tell([eic], message()) == 0


def test_retry_after_is_passed_on(eic, fcm):
    phone_of(eic)
    fcm.fail(code="QUOTA_EXCEEDED", retry_after="42", endpoint="messages:send")
    with pytest.raises(NotDelivered) as caught:
        services.tell([eic], message())
    assert caught.value.retry_after == 42


def test_a_device_that_changed_hands_meanwhile_gets_nothing_of_the_former(eic, other_eic, fcm):
    phone_of(eic, "shared")
    services.record([eic], message())
    devices.register(other_eic, "shared")
    assert services.deliver("event-1") == 0
    assert fcm.arrived() == []
    assert states() == {"shared": "failed"}


def test_more_devices_than_a_batch_are_sent_in_batches(fcm, db, monkeypatch, settings):
    settings.FCM_TIMEOUT_SECONDS = 10
    monkeypatch.setattr(services, "BATCH", 20)
    users = [make_user(f"u{number}") for number in range(50)]
    for user in users:
        phone_of(user)
    assert services.tell(users, message()) == 50


@pytest.mark.parametrize("count", [1, 40])
def test_a_batch_takes_the_same_statements(fcm, db, count, settings):
    settings.FCM_TIMEOUT_SECONDS = 10
    users = [make_user(f"u{number}") for number in range(count)]
    for user in users:
        phone_of(user)
    with CaptureQueriesContext(connection) as captured:
        services.tell(users, message())
    assert len(captured) <= 11


def test_an_email_goes_out_once_and_is_recorded(eic, smtp):
    services.tell([eic], message(by_email=True))
    services.tell([eic], message(by_email=True))
    assert len(smtp.letters) == 1
    row = Notification.objects.get(channel="email")
    assert (row.user, row.status) == (eic, "sent")


def test_an_email_that_is_refused_keeps_the_reason(eic, smtp):
    smtp.fail("RCPT", "550 No such user")
    services.tell([eic], message(by_email=True))
    row = Notification.objects.get(channel="email")
    assert row.status == "failed"
    assert "550" in row.reason


def test_nothing_is_sent_inside_a_change_and_everything_after_it(eic, driver, request_, fcm):
    phone_of(driver.user), phone_of(eic)
    actions.assign(request_, driver.pk, eic)
    assert fcm.asked() == []
    drain()
    assert [push["data"]["type"] for push in fcm.arrived("phone-of-ravi")] == ["TRIP_OFFER"]
    actions.accept(request_.pk, driver)
    drain()
    assert [push["data"]["type"] for push in fcm.arrived("phone-of-eic")] == ["TRIP_ACCEPTED"]


def test_an_answered_offer_is_not_pushed_any_more(eic, driver, request_, fcm):
    phone_of(driver.user)
    actions.assign(request_, driver.pk, eic)
    actions.decline(request_.pk, driver)
    drain()
    assert fcm.arrived("phone-of-ravi") == []


def test_each_step_of_a_request_reaches_the_phones_it_concerns(eic, other_eic, driver, dbs, fcm):
    for user in (eic, other_eic, driver.user):
        phone_of(user)
    request = actions.ask_for_gas(dbs, Decimal(800), None, "C")
    drain()
    actions.assign(request, driver.pk, eic)
    drain()
    actions.decline(request.pk, driver, "Flat tyre")
    drain()
    actions.assign(request, driver.pk, eic)
    actions.withdraw(request, eic)
    actions.assign(request, driver.pk, eic)
    actions.accept(request.pk, driver)
    drain()
    assert [(push["data"]["type"], push["notification"]["body"]) for push in fcm.arrived("phone-of-eic")] == [
        ("NEW_STOCK_REQUEST", "Anand DBS asks for 800 kg, priority Critical."),
        ("DRIVER_REJECTED", "Ravi declined the trip to Anand DBS. Reason: Flat tyre. Please reassign."),
        ("TRIP_ACCEPTED", "Ravi accepted the trip to Anand DBS."),
    ]
    assert [push["data"]["type"] for push in fcm.arrived("phone-of-ravi")] == [
        "TRIP_OFFER",
        "OFFER_WITHDRAWN",
    ]
    assert fcm.arrived("phone-of-other-eic") == []


def test_a_push_that_waited_longer_than_its_offer_is_not_sent(eic, driver, request_, fcm):
    phone_of(driver.user)
    fcm.doom("phone-of-ravi", "UNAVAILABLE")
    offer = actions.assign(request_, driver.pk, eic)
    with pytest.raises(NotDelivered):
        tasks.notify_driver_trip_offer(offer.pk)
    actions.decline(request_.pk, driver)
    fcm.revive("phone-of-ravi")
    assert tasks.notify_driver_trip_offer(offer.pk) == 0
    row = Notification.objects.get(type="TRIP_OFFER")
    assert (row.status, row.reason) == ("failed", "The offer ended before it arrived.")
    assert fcm.arrived() == []


def test_a_key_file_that_cannot_be_read_is_warned_of(settings):
    settings.GOOGLE_APPLICATION_CREDENTIALS = "/nowhere/key.json"
    assert [warning.id for warning in push_credentials(None)] == ["logistics.W001"]
    settings.GOOGLE_APPLICATION_CREDENTIALS = ""
    assert push_credentials(None) == []


def test_without_credentials_no_job_fails_or_comes_back(eic, driver, request_):
    phone_of(driver.user)
    actions.assign(request_, driver.pk, eic)
    drain()
    assert enqueued(tasks.notify_driver_trip_offer) == []
    assert not Attempt.objects.exists()


# --- Devices over the API -------------------------------------------------------------------------------

DEVICES = "/api/devices/"


def test_a_device_is_registered_for_the_caller_whatever_the_body_says(api, eic, other_eic):
    body = {"token": "t1", "platform": "ios", "user": other_eic.pk, "user_id": other_eic.pk}
    answer = api(eic).post(DEVICES, body, format="json")
    assert answer.status_code == 201, answer.content
    assert DeviceToken.objects.get().user == eic
    assert [row["token"] for row in api(eic).get(DEVICES).json()["results"]] == ["t1"]
    assert api(other_eic).get(DEVICES).json()["count"] == 0


def test_a_token_moves_to_the_second_person(api, eic, other_eic):
    for user in (eic, other_eic):
        assert api(user).post(DEVICES, {"token": "t1"}, format="json").status_code == 201
    assert DeviceToken.objects.get().user == other_eic


def test_nobody_has_more_devices_than_a_push_should_go_to(eic, other_eic):
    devices.register(other_eic, "another person's")
    for number in range(devices.MOST + 2):
        devices.register(eic, f"token-{number}")
    kept = set(DeviceToken.objects.filter(user=eic).values_list("token", flat=True))
    assert kept == {f"token-{number}" for number in range(2, devices.MOST + 2)}
    assert DeviceToken.objects.filter(user=other_eic).exists()


def test_registering_again_wakes_a_device(api, eic):
    phone_of(eic, "t1")
    DeviceToken.objects.update(is_active=False, ended_because="gone")
    api(eic).post(DEVICES, {"token": "t1"}, format="json")
    device = DeviceToken.objects.get()
    assert (device.is_active, device.ended_because) == (True, "")


@pytest.mark.parametrize("in_body", [True, False])
def test_a_device_is_signed_out_by_its_owner_alone(api, eic, other_eic, in_body):
    phone_of(eic, "t1")

    def forget(user):
        if in_body:
            return api(user).delete(DEVICES, {"token": "t1"}, format="json")
        return api(user).delete(f"{DEVICES}?token=t1")

    assert forget(other_eic).status_code == 404
    assert forget(eic).status_code == 204
    assert not DeviceToken.objects.exists()


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": "x" * 513}, {"token": "t", "platform": "fax"}])
def test_a_bad_device_is_refused_with_its_field(api, eic, body):
    answer = api(eic).post(DEVICES, body, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]


def test_devices_need_a_login(anonymous_api):
    for method in ("get", "post", "delete"):
        answer = getattr(anonymous_api, method)(DEVICES)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_authenticated")
