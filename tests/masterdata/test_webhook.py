"""Track123's webhook: taken fast, believed little, harmless to repeat."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django.live_server_helper import LiveServer

from masterdata import tasks
from masterdata.models import PackingSlip, Parcel, ParcelEvent
from scheduling.testing import assert_enqueued, drain, enqueued
from tests.masterdata.failing import FailFirst

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "a-long-secret"
HOOK = f"/api/masterdata/track123/webhook/{SECRET}/"


@pytest.fixture(autouse=True)
def webhook(settings) -> None:
    settings.TRACK123_WEBHOOK_SECRET = SECRET


@pytest.fixture
def waiting(vendor, shipped) -> PackingSlip:
    """A slip whose parcel has arrived, which we do not know yet."""
    vendor.add("TN1", "DELIVERED")
    slip = shipped("TN1")
    Parcel.objects.create(slip=slip, number="TN1", courier_code="fedex", registered_at=now())
    return slip


@pytest.fixture
def post(anonymous_api):
    return lambda body: anonymous_api.post(HOOK, json.dumps(body), content_type="application/json")


# --- what is taken ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("digest", ["sha256", "hmac"])
def test_a_signed_webhook_makes_a_job_ask(post, vendor, waiting, digest):
    assert post(vendor.webhook_body("TN1", digest=digest)).json() == {"success": True}
    assert_enqueued(tasks.update_number, number="TN1")
    assert vendor.asked() == []
    drain()
    waiting.refresh_from_db()
    assert waiting.status == "delivered"


def test_delivered_is_believed_only_when_track123_says_so_itself(post, vendor, waiting):
    lie = vendor.webhook_body("TN1")
    vendor.add("TN1", "IN_TRANSIT")
    post(lie)
    drain()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.tracking_status) == ("shipped", "In Transit")


def test_a_replay_changes_nothing(post, vendor, waiting):
    body = vendor.webhook_body("TN1")
    for _ in range(3):
        assert post(body).status_code == 200
        drain()
    assert ParcelEvent.objects.count() == 4
    assert len(vendor.asked("query")) == 1


def test_many_webhooks_of_one_parcel_are_one_job(post, vendor, waiting):
    for _ in range(20):
        post(vendor.webhook_body("TN1"))
    assert enqueued(tasks.update_number) == [{"number": "TN1"}]


def test_news_that_comes_while_the_job_asks_is_asked_for_again(vendor, waiting):
    Parcel.objects.update(heard_at=now() + timedelta(seconds=0.5))  # after the question that begins now
    vendor.add("TN1", "IN_TRANSIT")
    tasks.update_number(number="TN1")
    assert len(vendor.asked("query")) >= 2


def test_a_number_on_many_slips_costs_no_more(post, vendor, waiting, shipped, django_assert_max_num_queries):
    for number in range(20):
        slip = shipped("TN1", order_id=f"B-{number}")
        Parcel.objects.create(slip=slip, number="TN1", courier_code="fedex", registered_at=now())
    body = vendor.webhook_body("TN1")
    with django_assert_max_num_queries(8):
        assert post(body).status_code == 200
    drain()
    assert PackingSlip.objects.filter(status="delivered").count() == 21


def test_capitals_do_not_matter(post, vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    Parcel.objects.create(slip=shipped("tn1"), number="tn1", courier_code="fedex")
    post(vendor.webhook_body("TN1"))
    assert_enqueued(tasks.update_number, number="TN1")


@pytest.mark.parametrize("number", ["UNKNOWN", "a\x00b", "\ud800", "x" * 5000, "'; --"])
def test_an_unknown_number_is_taken_and_does_nothing(post, vendor, number):
    vendor.add("TN1")
    body = vendor.webhook_body("TN1")
    body["data"]["trackNo"] = number
    assert post(body).status_code == 200
    assert not enqueued(tasks.update_number)


def test_get_says_that_we_are_here(anonymous_api):
    assert anonymous_api.get(HOOK).status_code == 200


def test_a_webhook_47_hours_old_is_taken(post, vendor, waiting):
    stamp = str(int((now() - timedelta(hours=47)).timestamp()))
    assert post(vendor.webhook_body("TN1", timestamp=stamp)).status_code == 200


def test_its_content_type_does_not_matter(anonymous_api, vendor, waiting):
    body = json.dumps(vendor.webhook_body("TN1"))
    assert anonymous_api.post(HOOK, body, content_type="text/plain").status_code == 200


# --- what is refused ----------------------------------------------------------------------------------------
def test_a_forged_signature_is_refused(post, vendor, waiting):
    body = vendor.webhook_body("TN1")
    body["verify"]["signature"] = "0" * 64
    assert post(body).status_code == 403
    assert not enqueued(tasks.update_number)


def test_a_webhook_49_hours_old_is_refused(post, vendor, waiting):
    stamp = str(int((now() - timedelta(hours=49)).timestamp()))
    assert post(vendor.webhook_body("TN1", timestamp=stamp)).status_code == 403


@pytest.mark.parametrize("body", [{}, [], {"verify": 1}, "x", None, {"data": {}, "verify": []}])
def test_a_body_without_its_parts_is_refused(post, vendor, body):
    assert post(body).status_code == 400


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 5000, b"<xml/>", b"nul"])
def test_a_body_that_is_no_json_is_refused(anonymous_api, content):
    answer = anonymous_api.post(HOOK, content, content_type="application/json")
    assert answer.status_code == 400
    assert "Traceback" not in answer.content.decode()


def test_a_body_beyond_a_megabyte_is_refused(post):
    answer = post({"data": "x" * 1_000_001})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize("secret", ["a-wrong-secret", "", "a-long-secre"])
def test_at_a_wrong_address_there_is_nothing(anonymous_api, secret, settings):
    address = f"/api/masterdata/track123/webhook/{secret or 'x'}/"
    settings.TRACK123_WEBHOOK_SECRET = SECRET if secret else ""
    assert anonymous_api.post(address, {}, format="json").status_code == 404
    assert anonymous_api.get(address).status_code == 404


# --- over a real server -------------------------------------------------------------------------------------
@pytest.fixture
def receiver(settings, transactional_db) -> Iterator[str]:
    """The address of a real server of ours, which can be made to fail.

    Not pytest's live_server: that one is shared, and a running server never hears of a new middleware.
    """
    settings.MIDDLEWARE = ["tests.masterdata.failing.FailFirst", *settings.MIDDLEWARE]
    server = LiveServer("localhost")
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, server.thread.host]
    yield server.url + HOOK
    server.stop()


def test_a_webhook_that_meets_a_500_comes_again(receiver, vendor, waiting, wait_for):
    FailFirst.times = 2
    vendor.webhook_url, vendor.webhook_scale = receiver, 1e-4
    vendor.move("TN1", "DELIVERED", "Delivered")
    wait_for(lambda: len(vendor.webhooks) == 3)
    assert vendor.webhooks == [("TN1", 500), ("TN1", 500), ("TN1", 200)]
    drain()
    waiting.refresh_from_db()
    assert waiting.status == "delivered"


def test_after_seven_more_tries_track123_gives_up(vendor, waiting, wait_for):
    vendor.webhook_url, vendor.webhook_scale = "http://127.0.0.1:9/", 1e-6
    vendor.tell("TN1")
    wait_for(lambda: len(vendor.webhooks) == 8)
    assert vendor.webhooks[-1] == ("TN1", 0)
