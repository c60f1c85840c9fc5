"""Ask one address as one person, and leave no trace."""

from http.cookies import SimpleCookie

from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client

from ims.accounts.models import User
from tests.security.addresses import UNSAFE

LOGINS = ("/sign-in/", "/admin/login/")
ANSWERED, REFUSED, SIGN_IN = "answered", "refused", "sign in"


class Asker:
    """A browser of one person, or of nobody."""

    def __init__(self, user: User | None) -> None:
        self.client = Client(raise_request_exception=False)
        if user:
            self.client.force_login(user)
        self.cookies = self.client.cookies.output(header="")

    def ask(self, method: str, path: str, said: dict[str, str]) -> str:
        """ANSWERED, REFUSED or SIGN_IN; a crash fails the test."""
        self.client.cookies = SimpleCookie(self.cookies)  # what signed the last one out does not count
        form = {"content_type": "application/json"} if is_json(method, path) else {}
        with transaction.atomic():
            answer = getattr(self.client, method)(path, said if method != "get" else None, **form)
            transaction.set_rollback(True)
        for close in answer._resource_closers:
            close()
        return meaning(method, path, answer)


def is_json(method: str, path: str) -> bool:
    return method in UNSAFE and path.startswith("/api/")


def meaning(method: str, path: str, answer: HttpResponseBase) -> str:
    status = answer.status_code
    assert status != 500, f"{method} {path} crashed"
    address = answer.get("Location", "")
    if status == 401 or (status == 302 and address.startswith(LOGINS) and "next=" in address):
        return SIGN_IN
    return REFUSED if status in {403, 404, 405} else ANSWERED
