"""A forgotten password: nobody learns who has an account, floods a mailbox, or uses a link twice."""

import re

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ims.notices.tasks import send_reset_links
from scheduling.testing import drain
from tests.conftest import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]
NEW = {"new_password1": "a-new-passphrase", "new_password2": "a-new-passphrase"}


def ask(address: str) -> None:
    assert Client().post("/password-reset/", {"email": address}).status_code == 302


def statements_of(address: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        ask(address)
    return [re.sub(r"'.*?'|\d+", "?", each["sql"].split("VALUES")[0])[:60] for each in seen]


def test_the_page_does_the_same_whether_there_is_an_account_or_not() -> None:
    make_user("maya")
    assert statements_of("maya@example.com") == statements_of("nobody@example.com")
    assert mail.outbox == []


def test_a_mailbox_gets_one_link_however_often_it_is_asked_for() -> None:
    make_user("maya")
    for _ in range(3):
        ask("maya@example.com")
        drain()
    assert len(mail.outbox) == 1


def test_a_link_leads_to_our_own_address_whatever_the_request_said(settings) -> None:
    settings.ALLOWED_HOSTS = [".example.com"]
    make_user("maya")
    Client(headers={"host": "evil.example.com"}).post("/password-reset/", {"email": "maya@example.com"})
    drain()
    assert settings.SITE_URL in mail.outbox[0].body
    assert "evil" not in mail.outbox[0].body


def test_a_link_works_once() -> None:
    make_user("maya")
    ask("maya@example.com")
    drain()
    [link] = re.findall(r"/password-reset/\S+", mail.outbox[0].body)
    first, second = Client(), Client()
    forms = [browser.get(link)["Location"] for browser in (first, second)]
    assert first.post(forms[0], NEW).status_code == 302
    assert b"new_password1" not in second.get(forms[1]).content
    assert "Location" not in Client().get(link)


def test_an_address_that_was_asked_for_is_hidden_from_who_looks_at_jobs() -> None:
    assert send_reset_links.sensitive == ("address",)
