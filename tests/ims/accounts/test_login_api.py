"""Programs sign in at /api/auth/login/ and out again."""

import json
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.db.models import F
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from knox.models import AuthToken
from rest_framework.test import APIClient

from ims.accounts.models import User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def sign_in(client, username: str = "operations", password: str = PASSWORD, **headers: str):
    credentials = {"username": username, "password": password}
    return client.post("/api/auth/login/", credentials, format="json", headers=headers)


def with_token(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_a_name_and_password_give_a_token_that_works(anonymous_api, operations) -> None:
    token = sign_in(anonymous_api).json()["token"]
    assert with_token(token).get("/api/auth/me/").json()["username"] == "operations"


def test_the_answer_says_who_signed_in(anonymous_api, operations) -> None:
    operations.first_name, operations.last_name = "Asha", "Rao"
    operations.save()
    answer = sign_in(anonymous_api).json()
    assert set(answer) == {"token", "expiry", "user"}
    assert answer["user"] == {
        "id": operations.id,
        "username": "operations",
        "name": "Asha Rao",
        "roles": ["operations"],
    }


def test_the_token_expires_after_its_hours(anonymous_api, operations) -> None:
    expiry = parse_datetime(sign_in(anonymous_api).json()["expiry"])
    assert abs(expiry - timezone.now() - timedelta(hours=720)) < timedelta(minutes=1)


def test_only_a_digest_of_the_token_is_stored(anonymous_api, operations) -> None:
    token = sign_in(anonymous_api).json()["token"]
    assert token not in json.dumps(list(AuthToken.objects.values()), default=str)


def test_a_wrong_password_is_401(anonymous_api, operations) -> None:
    response = sign_in(anonymous_api, password="wrong")
    assert (response.status_code, response.json()["error"]["code"]) == (401, "authentication_failed")
    assert response["WWW-Authenticate"] == "Bearer"


def test_an_unknown_name_gets_the_answer_of_a_wrong_password(anonymous_api, operations) -> None:
    assert sign_in(anonymous_api, "nobody").json() == sign_in(anonymous_api, password="wrong").json()


def test_a_disabled_user_is_401(anonymous_api, operations) -> None:
    User.objects.filter(pk=operations.pk).update(is_active=False)
    assert sign_in(anonymous_api).status_code == 401


def test_missing_fields_are_named(anonymous_api) -> None:
    response = anonymous_api.post("/api/auth/login/", {}, format="json")
    assert (response.status_code, set(response.json()["error"]["fields"])) == (400, {"username", "password"})


def test_an_old_token_in_the_header_does_not_stand_in_the_way(anonymous_api, operations) -> None:
    assert sign_in(anonymous_api, authorization="Bearer 0123456789abcdef").status_code == 200


def test_the_last_sign_in_is_noted(anonymous_api, operations) -> None:
    sign_in(anonymous_api)
    operations.refresh_from_db()
    assert operations.last_login is not None


@pytest.mark.parametrize("address", ["/api/auth/login", "/api/auth/login/"])
def test_the_address_works_with_and_without_its_slash(anonymous_api, operations, address) -> None:
    credentials = {"username": "operations", "password": PASSWORD}
    assert anonymous_api.post(address, credentials, format="json").status_code == 200


# --- Guessing -------------------------------------------------------------------------------------------
def test_a_guesser_is_locked_out_and_told_for_how_long(anonymous_api, operations, settings) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(3):
        response = sign_in(anonymous_api, password="wrong")
    assert (response.status_code, response.json()["error"]["code"]) == (429, "locked_out")
    assert response["Retry-After"] == "900"
    assert sign_in(anonymous_api).status_code == 429  # even with the right password


def test_a_lockout_holds_for_that_name_only(anonymous_api, operations, reader, settings) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    sign_in(anonymous_api, password="wrong")
    assert sign_in(anonymous_api, "reader").status_code == 200


def test_a_new_password_opens_what_was_locked(anonymous_api, operations, settings) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    assert sign_in(anonymous_api, password="wrong").status_code == 429
    operations.set_password("a-new-passphrase")
    operations.save()
    assert sign_in(anonymous_api, password="a-new-passphrase").status_code == 200


def test_trying_on_does_not_make_a_lockout_longer(anonymous_api, operations, settings) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    sign_in(anonymous_api, password="wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    assert sign_in(anonymous_api, password="wrong").status_code == 429
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=2))
    assert sign_in(anonymous_api).status_code == 200


def test_a_success_forgets_earlier_failures(anonymous_api, operations, settings) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    sign_in(anonymous_api, password="wrong")
    sign_in(anonymous_api)
    assert sign_in(anonymous_api, password="wrong").status_code == 401


def test_many_sign_ins_in_a_minute_are_throttled(anonymous_api, operations) -> None:
    codes = [sign_in(anonymous_api).status_code for _ in range(21)]
    assert codes == [200] * 20 + [429]


def test_a_made_up_forwarded_address_does_not_evade_the_throttle(anonymous_api, operations) -> None:
    codes = [sign_in(anonymous_api, **{"x-forwarded-for": f"10.0.0.{n}"}).status_code for n in range(21)]
    assert codes[-1] == 429


# --- Signing out ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", ["/api/auth/logout/", "/api/auth/logout"])
def test_signing_out_ends_this_token(api, operations, address) -> None:
    client = api(operations)
    assert client.post(address).status_code == 204
    assert client.get("/api/auth/me/").status_code == 401


def test_signing_out_leaves_other_tokens(api, operations) -> None:
    one, other = api(operations), api(operations)
    one.post("/api/auth/logout/")
    assert other.get("/api/auth/me/").status_code == 200


def test_signing_out_everywhere_ends_every_token_of_this_user(api, operations, reader) -> None:
    one, other, someone_else = api(operations), api(operations), api(reader)
    assert one.post("/api/auth/logoutall/").status_code == 204
    assert other.get("/api/auth/me/").status_code == 401
    assert someone_else.get("/api/auth/me/").status_code == 200


def test_signing_out_needs_a_token(anonymous_api) -> None:
    assert anonymous_api.post("/api/auth/logout/").status_code == 401


def test_an_expired_token_is_401(operations) -> None:
    _, token = AuthToken.objects.create(operations, expiry=timedelta(seconds=-1))
    assert with_token(token).get("/api/auth/me/").status_code == 401


def test_the_token_of_a_disabled_user_is_401(api, operations) -> None:
    client = api(operations)
    User.objects.filter(pk=operations.pk).update(is_active=False)
    assert client.get("/api/auth/me/").status_code == 401


def test_a_new_password_ends_every_token(api, operations) -> None:
    client = api(operations)
    operations.set_password("another-password-for-tests")
    operations.save()
    assert client.get("/api/auth/me/").status_code == 401


def test_a_session_may_ask_who_it_is(client, operations) -> None:
    client.force_login(operations)
    assert client.get("/api/auth/me/").json()["username"] == "operations"


def test_a_body_of_megabytes_is_refused_before_it_is_read(anonymous_api) -> None:
    """In memory, brackets take thirty times their length."""
    body = "[" + "[]," * 1_000_000 + "[]]"
    response = anonymous_api.post("/api/auth/login/", body, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_request")
