"""Every error of the API has one of two shapes, names its field and its cure, and tells no secret."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from ims.lib.api import field_messages

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.ims.lib.addresses")]
ORDER = {"order_id": "A1", "parcels": [{"number": "1Z"}]}


@pytest.fixture
def crashing_client(api, operations) -> APIClient:
    """A client that shows the answer of a crash instead of raising it."""
    client = api(operations)
    client.raise_request_exception = False
    return client


# --- Who asks -------------------------------------------------------------------------------------------
def test_without_a_token_the_answer_is_401_and_says_how_to_sign_in(anonymous_api) -> None:
    response = anonymous_api.get("/api/orders/")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response.json() == {
        "error": {
            "code": "not_authenticated",
            "message": "Authentication credentials were not provided."
            " Sign in, or send the header Authorization: Bearer TOKEN.",
            "fields": {},
        }
    }


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer", "Bearer two words", "Bearer \xff\xfe", "bearer " + "a" * 64]
)
def test_a_bad_token_is_401(anonymous_api, header) -> None:
    response = anonymous_api.get("/api/orders/", headers={"authorization": header})
    assert (response.status_code, response.json()["error"]["code"]) == (401, "authentication_failed")


def test_a_wrong_role_is_403(api, stranger) -> None:
    response = api(stranger).get("/api/orders/")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "permission_denied")


def test_a_reader_may_read(api, reader) -> None:
    assert api(reader).get("/api/orders/").status_code == 200


def test_a_reader_may_not_act(api, reader) -> None:
    assert api(reader).post("/api/orders/", ORDER, format="json").status_code == 403


def test_a_superuser_holds_every_role(api, admin) -> None:
    assert api(admin).post("/api/orders/", ORDER, format="json").status_code == 200


def test_a_plain_view_under_api_is_401_without_a_session(client) -> None:
    response = client.get("/api/plain/")
    assert (response.status_code, response.json()["error"]["code"]) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_session_needs_the_csrf_token_to_act(operations) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operations)
    response = client.post("/api/orders/", ORDER, content_type="application/json")
    assert response.status_code == 403
    assert "CSRF" in response.json()["error"]["message"]


# --- What is asked --------------------------------------------------------------------------------------
def test_an_error_of_an_old_address_has_the_flat_shape(api, operations) -> None:
    response = api(operations).post("/api/masterdata/tracking/orders/", {"parcels": []}, format="json")
    assert response.status_code == 400
    assert response.json() == {
        "success": False,
        "error": "order_id: This field is required.",
        "code": "invalid",
        "fields": {"order_id": ["This field is required."]},
    }


def test_nested_fields_are_named_by_their_path(api, operations) -> None:
    parcels = [{"number": "1Z"}, {"number": "too long"}, {}]
    error = (
        api(operations)
        .post("/api/orders/", {"order_id": "A1", "parcels": parcels}, format="json")
        .json()["error"]
    )
    assert error["fields"] == {
        "parcels.1.number": ["Ensure this field has no more than 5 characters."],
        "parcels.2.number": ["This field is required."],
    }
    assert error["message"] == "parcels.1.number: Ensure this field has no more than 5 characters."


def test_an_error_of_the_whole_names_no_field(api, operations) -> None:
    error = api(operations).post("/api/orders/", ORDER | {"order_id": "taken"}, format="json").json()["error"]
    assert error["message"] == "This order exists. Choose another order_id."


def test_a_list_where_an_object_belongs_is_400(api, operations) -> None:
    response = api(operations).post("/api/orders/", [1], format="json")
    assert (response.status_code, list(response.json()["error"]["fields"])) == (400, ["non_field_errors"])


@pytest.mark.parametrize("body", ["{", b"\xff", '{"a": NaN}', "[" * 100_000])
def test_malformed_json_is_400(api, operations, body) -> None:
    response = api(operations).post("/api/orders/", body, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "parse_error")


def test_a_wrong_content_type_is_415_and_names_the_right_one(api, operations) -> None:
    response = api(operations).post("/api/orders/", "order_id=1", content_type="text/plain")
    assert response.status_code == 415
    assert response.json()["error"]["message"].endswith("Send the body as application/json.")


def test_a_wrong_method_is_405_and_names_the_right_ones(api, operations) -> None:
    response = api(operations).delete("/api/orders/")
    assert (response.status_code, response.json()["error"]["code"]) == (405, "method_not_allowed")
    assert response["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_a_throttled_caller_learns_when_to_try_again(api, operations) -> None:
    client = api(operations)
    client.get("/api/throttled/")
    response = client.get("/api/throttled/")
    assert (response.status_code, response.json()["error"]["code"]) == (429, "throttled")
    assert 0 < int(response["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("what", "status", "code", "message"),
    [
        ("missing", 404, "not_found", "Not found."),
        ("named", 404, "not_found", "No order has the id 7."),
        ("forbidden", 403, "permission_denied", "You do not have permission to perform this action."),
        ("bad", 400, "invalid", "interval: Give whole minutes from 1 to 32767."),
    ],
)
def test_what_a_view_raises_becomes_the_error_shape(api, operations, what, status, code, message) -> None:
    response = api(operations).get(f"/api/raise/{what}/")
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.json()["error"]["message"].startswith(message)


# --- What fails outside the API framework ---------------------------------------------------------------
@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("address", ["/api/raise/crash/", "/api/plain-crash/"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_crash_is_500_in_json_and_tells_no_secret(crashing_client, settings, address, debug) -> None:
    settings.DEBUG = debug
    response = crashing_client.get(address)
    assert (response.status_code, response.json()["error"]["code"]) == (500, "server_error")
    assert "secret" not in response.content.decode()


@pytest.mark.parametrize("what", ["away", "broken-off"])
def test_a_database_that_is_away_is_503_and_says_when_to_try_again(crashing_client, what) -> None:
    response = crashing_client.get(f"/api/raise/{what}/")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "unavailable")
    assert response["Retry-After"] == "5"
    assert "secret" not in response.content.decode()


@pytest.mark.parametrize("debug", [False, True])
def test_an_unknown_address_under_api_is_404_in_json(api, operations, settings, debug) -> None:
    settings.DEBUG = debug
    response = api(operations).get("/api/nothing/")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_a_failed_csrf_check_under_api_is_403_in_json() -> None:
    response = Client(enforce_csrf_checks=True).post("/api/csrf/")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "permission_denied")


# --- Messages -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("detail", "flat"),
    [
        ({"a": ["x", "y"]}, {"a": ["x", "y"]}),
        ({"a": {"b": ["x"]}}, {"a.b": ["x"]}),
        ([{}, {"a": ["x"]}], {"1.a": ["x"]}),
        (["x"], {"non_field_errors": ["x"]}),
        ("x", {"non_field_errors": ["x"]}),
        ([], {}),
    ],
)
def test_field_messages_flattens(detail, flat) -> None:
    assert field_messages(detail) == flat
