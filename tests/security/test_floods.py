"""What one caller can do to all others is bounded."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils.timezone import now
from knox.models import AuthToken

from ims.accounts import signed_in
from tests.conftest import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]
AN_HOUR = timedelta(hours=1)


@pytest.mark.parametrize("address", ["/sign-in/", "/admin/login/", "/password-reset/"])
def test_one_address_signs_in_so_often_in_a_minute_with_whatever_names(address: str) -> None:
    visitor = Client()
    forms = [{"username": f"name-{n}", "password": "x", "email": f"{n}@example.com"} for n in range(21)]
    *taken, refused = [visitor.post(address, form) for form in forms]
    assert 429 not in {each.status_code for each in taken}
    assert (refused.status_code, int(refused["Retry-After"]) <= 60) == (429, True)
    assert visitor.get(address).status_code == 200


def test_pages_and_api_count_together() -> None:
    visitor = Client()
    for number in range(20):
        visitor.post("/sign-in/", {"username": f"name-{number}", "password": "x"})
    wrong = {"username": "maya", "password": "x"}
    assert visitor.post("/api/auth/login/", wrong, content_type="application/json").status_code == 429


def test_what_visitors_leave_behind_goes() -> None:
    person, visitor = make_user("maya"), Client()
    visitor.post("/sign-in/", {"username": "nobody", "password": "x"})
    visitor.post("/sign-in/", {"username": "maya", "password": PASSWORD})
    AuthToken.objects.create(person, expiry=AN_HOUR)
    AuthToken.objects.create(person, expiry=timedelta(days=30))
    Session.objects.update(expire_date=now() + AN_HOUR)
    assert signed_in.prune(now()) == {"sessions": 0, "tokens": 0, "failures": 0, "sign_ins": 0}
    signed_in.prune(now() + timedelta(hours=2))
    assert (Session.objects.count(), AuthToken.objects.count(), AccessAttempt.objects.count()) == (0, 1, 0)
    assert AccessLog.objects.count() == 1
    signed_in.prune(now() + timedelta(days=91))
    assert (AuthToken.objects.count(), AccessLog.objects.count()) == (0, 0)
