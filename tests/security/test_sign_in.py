"""Sessions: new at each sign-in, gone at sign-out and with the password; nobody learns who has an account."""

import re

import pytest
from django.test import Client

from tests.conftest import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def person():
    return make_user("maya")


def sign_in(browser: Client, name: str = "maya", password: str = PASSWORD):
    return browser.post("/sign-in/", {"username": name, "password": password})


def test_a_session_that_was_planted_before_the_sign_in_is_worthless_after_it(person) -> None:
    browser = Client()
    browser.session["planted"] = True
    planted = browser.session
    planted.save()
    browser.cookies["sessionid"] = planted.session_key
    assert sign_in(browser).status_code == 302
    assert browser.cookies["sessionid"].value != planted.session_key


def test_a_session_cookie_is_for_our_own_requests_alone(person) -> None:
    browser = Client()
    sign_in(browser)
    cookie = browser.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_a_session_does_not_outlive_the_sign_out(person) -> None:
    browser = Client()
    sign_in(browser)
    copied = browser.cookies["sessionid"].value
    browser.post("/sign-out/")
    thief = Client()
    thief.cookies["sessionid"] = copied
    assert thief.get("/notices/").status_code == 302


def test_a_new_password_ends_the_other_sessions_and_not_this_one(person) -> None:
    here, elsewhere = Client(), Client()
    for browser in (here, elsewhere):
        sign_in(browser)
    new = "another-password-for-tests"
    here.post("/password-change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert here.get("/notices/").status_code == 200
    assert elsewhere.get("/notices/").status_code == 302


def test_a_wrong_password_and_an_unknown_name_get_the_same_page(person) -> None:
    pages = [sign_in(Client(), name, "wrong").content.decode() for name in ("maya", "nobody")]
    known, unknown = (
        without_what_changes(page, name) for page, name in zip(pages, ("maya", "nobody"), strict=True)
    )
    assert known == unknown


def without_what_changes(page: str, name: str) -> list[str]:
    """Without the CSRF token, the time, and the name as it was typed."""
    page = re.sub(r'data-now="[^"]*"', "", page)
    return [line.replace(name, "") for line in page.splitlines() if "csrfmiddlewaretoken" not in line]


def test_an_account_that_is_disabled_looks_like_none(person) -> None:
    person.is_active = False
    person.save()
    answers = [sign_in(Client(), *who) for who in (("maya", PASSWORD), ("nobody", PASSWORD))]
    assert [answer.status_code for answer in answers] == [200, 200]
    told = [
        without_what_changes(a.content.decode(), n) for a, n in zip(answers, ("maya", "nobody"), strict=True)
    ]
    assert told[0] == told[1]


def test_who_is_locked_out_is_locked_out_whether_the_name_exists_or_not(person, settings) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    for name in ("maya", "nobody"):
        statuses = [sign_in(Client(), name, "wrong").status_code for _ in range(3)]
        assert statuses[-1] == 429
