"""People sign in at /sign-in/; every page needs it."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core import mail
from django.db import connections
from django.shortcuts import render
from django.test import AsyncClient, Client
from django.urls import URLPattern, URLResolver, get_resolver

from scheduling.testing import drain
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

OPEN_PAGES = {
    "/sign-in/", "/password-reset/", "/password-reset/sent/", "/password-reset/done/",
    "/favicon.ico", "/healthz", "/readyz",
    "/admin/login/",
}  # fmt: skip
OPEN_API = {"/api/auth/login"}


def sign_in(client, username: str = "operations", password: str = PASSWORD, query: str = ""):
    return client.post(f"/sign-in/{query}", {"username": username, "password": password})


def plain_addresses(resolver: URLResolver | None = None, prefix: str = "/") -> list[str]:
    """Every address without variable parts."""
    found: list[str] = []
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern).lstrip("^/").removesuffix("$").replace("/?", "")
        if isinstance(pattern, URLPattern):
            found.append(route)
        else:
            found += plain_addresses(pattern, route)
    return [each for each in found if not re.search(r"[<(\\?*\[]", each)]


# --- Deny by default ------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", sorted(set(plain_addresses()) - OPEN_PAGES - OPEN_API))
def test_an_address_needs_a_login(client, address) -> None:
    response = client.get(address)
    if response.status_code == 302:
        assert response["Location"].startswith(("/sign-in/?next=", "/admin/login/?next="))
    elif response.status_code == 204:  # a live stream, which says nothing to anybody but under ASGI
        assert (address.endswith("/stream/"), response.content) == (True, b"")
    else:
        assert response.status_code in {401, 405}
        assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("address", sorted(OPEN_PAGES - {"/readyz"}))
def test_an_open_page_needs_none(client, address) -> None:
    assert client.get(address).status_code == 200


def test_a_part_of_a_page_sends_the_whole_page_to_the_sign_in(client) -> None:
    headers = {"hx-request": "true", "hx-current-url": "http://testserver/shipments/?status=shipped"}
    response = client.get("/", headers=headers)
    assert response.status_code == 401
    assert response["HX-Redirect"] == "/sign-in/?next=/shipments/%3Fstatus%3Dshipped"


# --- In and out -----------------------------------------------------------------------------------------
def test_a_person_signs_in_and_lands_where_they_wanted_to_go(client, operations) -> None:
    assert sign_in(client, query="?next=/password-change/")["Location"] == "/password-change/"


def test_a_sign_in_never_leads_to_another_host(client, operations) -> None:
    assert sign_in(client, query="?next=https://evil.example.com/")["Location"] == "/"


def test_a_wrong_password_shows_the_form_again(client, operations) -> None:
    response = sign_in(client, password="wrong")
    assert response.status_code == 200
    assert "correct username and password" in response.content.decode()


def test_a_person_who_is_signed_in_skips_the_form(client, operations) -> None:
    client.force_login(operations)
    assert client.get("/sign-in/")["Location"] == "/"


def test_signing_out_is_a_post(client, operations) -> None:
    client.force_login(operations)
    assert client.get("/sign-out/").status_code == 405


def test_a_person_signs_out(client, operations) -> None:
    client.force_login(operations)
    client.post("/sign-out/")
    assert client.get("/").status_code == 302


def test_signing_in_needs_the_csrf_token(operations) -> None:
    assert sign_in(Client(enforce_csrf_checks=True)).status_code == 403


def test_a_guesser_sees_for_how_long_they_are_locked_out(client, operations, settings) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    sign_in(client, password="wrong")
    response = sign_in(client, password="wrong")
    assert response.status_code == 429
    assert "15 minutes" in response.content.decode()
    settings.AXES_COOLOFF_TIME = timedelta(minutes=1)
    assert "in 1 minute," in sign_in(client, password="wrong").content.decode()


@pytest.mark.parametrize(("seconds", "words"), [(1, "in 1 second."), (2, "in 2 seconds.")])
def test_who_signs_in_too_often_reads_for_how_long(rf, seconds, words) -> None:
    assert words in render(rf.get("/"), "registration/too_often.html", {"seconds": seconds}).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_guesser_is_locked_out_under_asgi_too(settings) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    with ThreadPoolExecutor(1) as thread:  # browser tests may have left an event loop in this one
        assert thread.submit(status_of_wrong_password_over_asgi).result() == 429


def status_of_wrong_password_over_asgi() -> int:
    try:
        form = {"username": "nobody", "password": "wrong"}
        return async_to_sync(AsyncClient().post)("/sign-in/", form).status_code
    finally:
        connections.close_all()


# --- Passwords ------------------------------------------------------------------------------------------
def test_a_forgotten_password_is_reset_by_mail(client, operations, settings) -> None:
    client.post("/password-reset/", {"email": operations.email})
    drain()
    [link] = re.findall(rf"{settings.SITE_URL}(/password-reset/\S+)", mail.outbox[0].body)
    form = client.get(link)["Location"]
    response = client.post(form, {"new_password1": "a-new-passphrase", "new_password2": "a-new-passphrase"})
    assert response["Location"] == "/password-reset/done/"
    assert sign_in(client, password="a-new-passphrase").status_code == 302


def test_a_reset_for_an_unknown_address_tells_nothing(client) -> None:
    response = client.post("/password-reset/", {"email": "nobody@example.com"})
    drain()
    assert (response["Location"], mail.outbox) == ("/password-reset/sent/", [])


def test_a_short_password_is_refused(client, operations) -> None:
    client.force_login(operations)
    form = {"old_password": PASSWORD, "new_password1": "x4-c-9", "new_password2": "x4-c-9"}
    response = client.post("/password-change/", form)
    assert "at least 10 characters" in response.content.decode()
