"""People and what they ask the web for: over real HTTP, each request on record."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from tests.load.ledger import Ledger, Request

if TYPE_CHECKING:
    from tests.load.cast import Firm

TIMEOUT = 60.0  # seconds
LONGEST_ANSWER = 500  # characters of a wrong one that are kept
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Spoiled(Exception):
    """An answer was not as it should be; it is on record, and the errand ends."""


@dataclass
class Person:
    """Somebody with a login. A session in the browser and a token on the phone, each once signed in."""

    username: str
    password: str
    has_browser: bool = True
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Web:
    """The address of the web, and the book that all requests are entered in."""

    address: str
    ledger: Ledger

    def visit(self, person: Person | None, planned: float) -> "Visit":
        return Visit(self, person, planned)


class Visit:
    """A few requests of one person, one after the other; the first was due when the visit was planned."""

    def __init__(self, web: Web, person: Person | None, planned: float | None) -> None:
        self.web = web
        self.person = person
        self.due = planned

    def by(self, person: Person | None) -> "Visit":
        """The same errand goes on with another person."""
        due, self.due = self.due, None
        return Visit(self.web, person, due)

    # --- as a browser does ------------------------------------------------------------------------------

    def page(self, kind: str, path: str, *, expect: tuple[int, ...] = (200,)) -> requests.Response:
        return self._ask(kind, "GET", path, expect, cookies=self.cookies())

    def submit(
        self, kind: str, path: str, *, expect: tuple[int, ...] = (302,), **sent: Any
    ) -> requests.Response:
        cookies = self.cookies()
        headers = {"X-CSRFToken": cookies["csrftoken"]}
        return self._ask(kind, "POST", path, expect, cookies=cookies, headers=headers, **sent)

    def sign_in(self) -> dict[str, str]:
        """By the form; returns the cookies."""
        assert self.person is not None
        form = self._ask("people: sign-in page", "GET", "/sign-in/", (200,))
        hidden = TOKEN.search(form.text)
        assert hidden is not None, "The sign-in page has no token against forged requests."
        facts = {
            "username": self.person.username,
            "password": self.person.password,
            "csrfmiddlewaretoken": hidden[1],
        }
        before = dict(form.cookies)
        answer = self._ask("people: sign in", "POST", "/sign-in/", (302,), cookies=before, data=facts)
        return {**before, **dict(answer.cookies)}

    def sign_out(self, cookies: dict[str, str]) -> None:
        headers = {"X-CSRFToken": cookies["csrftoken"]}
        self._ask("people: sign out", "POST", "/sign-out/", (302,), cookies=cookies, headers=headers)

    def cookies(self) -> dict[str, str]:
        assert self.person is not None
        with self.person.lock:
            self.person.cookies = self.person.cookies or self.sign_in()
        return self.person.cookies

    # --- as a program does ------------------------------------------------------------------------------

    def get(self, kind: str, path: str, *, expect: tuple[int, ...] = (200,)) -> requests.Response:
        return self._ask(kind, "GET", path, expect, headers=self.bearer())

    def send(
        self, kind: str, method: str, path: str, *, expect: tuple[int, ...] = (200,), **sent: Any
    ) -> requests.Response:
        return self._ask(kind, method, path, expect, headers=self.bearer(), **sent)

    def plain(
        self, kind: str, path: str, *, expect: tuple[int, ...] = (200,), method: str = "GET", **sent: Any
    ) -> requests.Response:
        """Without a login."""
        return self._ask(kind, method, path, expect, **sent)

    def log_in(self) -> str:
        """For a token."""
        assert self.person is not None
        facts = {"username": self.person.username, "password": self.person.password}
        answer = self._ask("people: log in for a token", "POST", "/api/auth/login/", (200,), json=facts)
        return str(answer.json()["token"])

    def bearer(self) -> dict[str, str]:
        assert self.person is not None
        with self.person.lock:
            self.person.token = self.person.token or self.log_in()
        return {"Authorization": f"Bearer {self.person.token}"}

    # --- the wire ---------------------------------------------------------------------------------------

    def _ask(
        self,
        kind: str,
        method: str,
        path: str,
        expect: tuple[int, ...],
        *,
        headers: dict[str, str] | None = None,
        cookies: dict[str, str] | None = None,
        **sent: Any,
    ) -> requests.Response:
        began, self.due = self.due or time.monotonic(), None
        headers = {"Connection": "close", **(headers or {})}  # as nginx does; no connection is ever stale
        error, text, answer = "", "", None
        try:
            answer = requests.request(
                method,
                self.web.address + path,
                headers=headers,
                cookies=cookies,
                timeout=TIMEOUT,
                allow_redirects=False,
                **sent,
            )
            if answer.status_code not in expect:
                error, text = f"HTTP {answer.status_code}", answer.text[:LONGEST_ANSWER]
        except requests.RequestException as problem:
            error, text = type(problem).__name__, str(problem)[:LONGEST_ANSWER]
        self.web.ledger.note(Request(kind, began, time.monotonic() - began, error, text))
        if error or answer is None:
            raise Spoiled(f"{kind}: {error}")
        return answer


def sign_in_all(web: Web, firm: "Firm") -> None:
    """Before it begins: a hundred passwords are checked slowly on purpose, and would be most of the load."""

    def enter(person: Person) -> None:
        visit = web.visit(person, time.monotonic())
        visit.bearer()
        if person.has_browser:
            visit.cookies()

    with ThreadPoolExecutor(4) as hands:
        list(hands.map(enter, firm.everybody()))
