"""A local stand-in for Track123, for tests and for the demo.

In a test (or the fixture `track123` of tests/peers/fixtures.py):

    with Track123Server(key="k") as server:
        server.add("TN1", "IN_TRANSIT")            # registered, with the events up to that status
        server.move("TN1", "DELIVERED", "Delivered - left at door")
        server.fail(code="B0001", times=2)         # see tests.peers.peer.Fault for all that can go wrong
        server.reject("TN2", code="A0400")
        ... point TRACK123_BASE_URL at server.url ...
        assert server.asked("track/query")[0].body == {...}

With webhook_url= every move() is told there, with Track123's retries; webhook_scale= shortens their pauses.

As a process: python -m tests.peers.track123 --port 8123 --key demo-key --auto-register --state FILE
A number it has never seen gets a journey made from the number itself (tests/peers/parcels.py).
The same controls over HTTP: POST /control {"fail": {"code": "B0001", "times": 2}}, {"heal": {}},
{"add": {...}}, {"move": {...}}, {"reject": {...}}, {"advance": {"seconds": 60}}.
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.peers.parcels import Parcel, Step, demo_journey, journey_to
from tests.peers.peer import Answer, Peer, Recorded

MAX_NUMBERS = 100  # in one request
LIMIT_WINDOW = 0.9  # seconds; less than one because requests sent 0.2 s apart may arrive closer together
MESSAGES = {
    "A0201": "Account does not exist",
    "A0400": "User request parameter error",
    "A0410": "The parameter for the request is null",
    "A0706": "Too many requests",
    "B0001": "System error",
    "B0100": "System timeout",
    "B0210": "Exceed flow limits",
    "B0300": "Abnormal system resources",
    "B0310": "System resources are exhausted",
    "C0113": "The interface does not exist",
}
# Seconds: an unanswered webhook is tried seven times more within 36 hours, each pause twice the one before.
WEBHOOK_PAUSES = tuple(36 * 3600 * 2**step / 127 for step in range(7))
ALREADY_REGISTERED = {"code": "A0400", "msg": "The tracking number has already been registered"}
NOT_REGISTERED = {"code": "A0400", "msg": "The tracking number is not registered"}


class RefusedError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Track123Server(Peer):
    path = "/gateway/open-api/"

    def __init__(
        self,
        key: str = "test-key",
        *,
        per_second: int = 5,  # requests per endpoint; 0: no limit
        limit_by_status: bool = False,  # too many requests: HTTP 429 instead of A0706
        page_size: int = 100,  # never more parcels in one page than this
        auto_register: bool = False,  # a number asked for is registered, not rejected
        journey: Callable[[str, str], list[Step]] = lambda number, courier: journey_to("INIT"),
        state: Path | None = None,  # remembers when each number was first seen
        webhook_url: str = "",  # is told whenever move() moves a parcel
        webhook_scale: float = 1.0,  # of the pauses between the tries, which take 36 hours
        **peer: Any,
    ) -> None:
        super().__init__(**peer)
        self.key = key
        self.per_second = per_second
        self.limit_by_status = limit_by_status
        self.page_size = page_size
        self.auto_register = auto_register
        self.parcels: dict[str, Parcel] = {}
        self._journey = journey
        self._state = state
        self.webhook_url = webhook_url
        self.webhook_scale = webhook_scale
        self.webhooks: list[tuple[str, int]] = []  # each try: the number, and the HTTP status (0: none came)
        self._couriers: list[threading.Thread] = []
        self._rejections: dict[str, dict[str, str]] = {}
        self._poison: dict[str, str] = {}
        self._times: dict[str, deque[float]] = defaultdict(deque)
        self._load()

    # --- what tests say ------------------------------------------------------------------------------

    def add(
        self,
        number: str,
        steps: str | Iterable[Step | tuple[Any, ...] | list[Any]] = "INIT",
        *,
        courier: str = "",
        registered: bool = True,
        utc_offset_hours: float = 0,
        fields: dict[str, Any] | None = None,
    ) -> None:
        """Make a parcel, with a list of steps or with the whole way up to a status."""
        way = journey_to(steps) if isinstance(steps, str) else [_step(step) for step in steps]
        registered_at = self.now() if registered else None
        parcel = Parcel(number, way, courier, registered_at, utc_offset_hours, fields or {})
        with self.lock:
            self.parcels[number] = parcel

    def move(self, number: str, status: str, text: str = "", place: str = "", sub_status: str = "") -> None:
        """Something happens to the parcel now."""
        with self.lock:
            parcel = self.parcels[number]
            age = self.now() - (parcel.registered_at or self.now())
            parcel.steps.append(Step(age, status, sub_status, text, place))
        if self.webhook_url:
            self.tell(number)

    def tell(self, number: str) -> None:
        """Send a webhook about this parcel, in the background, until it is taken or the tries are spent."""
        body = self.webhook_body(number)
        courier = threading.Thread(target=self._deliver, args=(number, body), name=f"webhook {number}")
        self._couriers.append(courier)
        courier.start()

    def _deliver(self, number: str, body: dict[str, Any]) -> None:
        for pause in (0, *WEBHOOK_PAUSES):
            if self.stopping.wait(pause * self.webhook_scale):
                return
            status = post(self.webhook_url, body)
            self.webhooks.append((number, status))
            if 200 <= status < 300:
                return

    def stop(self) -> None:
        super().stop()
        for courier in self._couriers:
            courier.join()

    def reject(self, number: str, code: str = "A0400", msg: str = "") -> None:
        """Refuse this number, in registrations and in queries, while others are served."""
        with self.lock:
            self._rejections[number] = {"code": code, "msg": msg or MESSAGES.get(code, "Error")}

    def poison(self, number: str, code: str = "A0400") -> None:
        """Refuse every request that has this number in it as a whole."""
        with self.lock:
            self._poison[number] = code

    def heal(self) -> None:
        super().heal()
        with self.lock:
            self._rejections.clear()
            self._poison.clear()

    def webhook_body(
        self, number: str, *, digest: str = "sha256", timestamp: str | None = None
    ) -> dict[str, Any]:
        """What Track123 posts to our webhook about this parcel; digest: sha256 or hmac."""
        stamp = timestamp if timestamp is not None else str(int(self.now()))
        if digest == "hmac":
            signature = hmac.new(self.key.encode(), stamp.encode(), hashlib.sha256).hexdigest()
        else:
            signature = hashlib.sha256((self.key + stamp).encode()).hexdigest()
        with self.lock:
            content = self.parcels[number].content(self.now())
        return {"data": content, "verify": {"signature": signature, "timestamp": stamp}}

    def control(self, command: str, arguments: dict[str, Any]) -> Any:
        own: dict[str, Callable[..., Any]] = {
            "add": self.add,
            "move": self.move,
            "reject": self.reject,
            "poison": self.poison,
        }
        return own[command](**arguments) if command in own else super().control(command, arguments)

    # --- what the vendor does ------------------------------------------------------------------------

    def answer(self, request: Recorded) -> Answer:
        with self.lock:
            try:
                return Answer({"code": "00000", "msg": "success", "data": self._data(request)})
            except RefusedError as refused:
                return self.refusal(refused.code)

    def refusal(self, code: str) -> Answer:
        status = 429 if code == "A0706" and self.limit_by_status else 200
        return Answer({"code": code, "msg": MESSAGES.get(code, "Error"), "data": None}, status)

    def _data(self, request: Recorded) -> dict[str, Any]:
        endpoints = {
            "tk/v2/track/import": self._register,
            "tk/v2.1/track/import": self._register,
            "tk/v2/track/query": self._query,
            "tk/v2.1/track/query": self._query,
        }
        if request.endpoint not in endpoints:
            raise RefusedError("C0113")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not hmac.compare_digest(headers.get("track123-api-secret", "").encode(), self.key.encode()):
            raise RefusedError("A0201")
        self._count(request.endpoint.rpartition("/")[2])
        return endpoints[request.endpoint](request.body)

    def _count(self, endpoint: str) -> None:
        times, now = self._times[endpoint], time.monotonic()
        while times and times[0] <= now - LIMIT_WINDOW:
            times.popleft()
        if self.per_second and len(times) >= self.per_second:
            raise RefusedError("A0706")
        times.append(now)

    def _harmless(self, entries: Any) -> list[tuple[str, str]]:
        numbers = _numbers(entries)
        for number, _ in numbers:
            if number in self._poison:
                raise RefusedError(self._poison[number])
        return numbers

    def _register(self, body: Any) -> dict[str, Any]:
        accepted, rejected = [], []
        for number, courier in self._harmless(body):
            parcel = self.parcels.get(number)
            if number in self._rejections:
                rejected.append({"trackNo": number, "error": self._rejections[number]})
            elif parcel and parcel.registered_at is not None:
                rejected.append({"trackNo": number, "error": ALREADY_REGISTERED})
            else:
                self._start(number, courier)
                accepted.append({"trackNo": number, "courierCode": self.parcels[number].courier})
        self._save()
        return {"accepted": accepted, "rejected": rejected}

    def _query(self, body: Any) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise RefusedError("A0400")
        size = body.get("queryPageSize", 100)
        if type(size) is not int or not 1 <= size <= 100:
            raise RefusedError("A0400")
        found, rejected = self._find(body)
        start = _offset_of(body.get("cursor"))
        end = start + min(size, self.page_size)
        page = [parcel.content(self.now()) for parcel in found[start:end]]
        cursor = _cursor(end) if end < len(found) else None
        accepted = {"totalElements": str(len(found)), "cursor": cursor, "content": page}
        return {"accepted": accepted, "rejected": [] if start else rejected}

    def _find(self, body: dict[str, Any]) -> tuple[list[Parcel], list[dict[str, Any]]]:
        found: dict[str, Parcel] = {}
        rejected: dict[str, dict[str, Any]] = {}
        for number, courier in self._harmless(body.get("trackNoInfos", body.get("trackNos"))):
            parcel = self.parcels.get(number)
            if number in self._rejections:
                rejected[number] = {"trackNo": number, "error": self._rejections[number]}
            elif parcel and parcel.registered_at is not None:
                found[number] = parcel
            elif self.auto_register:
                found[number] = self._start(number, courier)
            else:
                rejected[number] = {"trackNo": number, "error": NOT_REGISTERED}
        self._save()
        return list(found.values()), list(rejected.values())

    def _start(self, number: str, courier: str, at: float | None = None) -> Parcel:
        """The journey begins."""
        parcel = self.parcels.get(number) or Parcel(number, self._journey(number, courier))
        parcel.courier = parcel.courier or courier
        parcel.registered_at = self.now() if at is None else at
        self.parcels[number] = parcel
        return parcel

    # --- memory: when each number was first seen; its journey follows from that ------------------------

    def _load(self) -> None:
        if self._state and self._state.exists():
            with contextlib.suppress(ValueError):  # a damaged file: begin anew
                for number, (at, courier) in json.loads(self._state.read_text()).items():
                    self._start(number, courier, at)

    def _save(self) -> None:
        if not self._state:
            return
        started = (parcel for parcel in self.parcels.values() if parcel.registered_at is not None)
        seen = {parcel.number: [parcel.registered_at, parcel.courier] for parcel in started}
        part = self._state.with_name(self._state.name + ".part")
        part.write_text(json.dumps(seen))
        os.replace(part, self._state)


def post(url: str, body: dict[str, Any]) -> int:
    """The HTTP status of the answer; 0 where none came."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def _numbers(entries: Any) -> list[tuple[str, str]]:
    """(number, courier) of [{"trackNo", "courierCode"}] or of ["number"]."""
    if not isinstance(entries, list) or len(entries) > MAX_NUMBERS:
        raise RefusedError("A0400")
    if not entries:
        raise RefusedError("A0410")
    pairs = [(e, "") if isinstance(e, str) else _pair(e) for e in entries]
    if not all(number for number, _ in pairs):
        raise RefusedError("A0410")
    return pairs


def _pair(entry: Any) -> tuple[str, str]:
    if not isinstance(entry, dict) or not isinstance(entry.get("trackNo"), str):
        raise RefusedError("A0400")
    return entry["trackNo"], entry.get("courierCode") or ""


def _step(step: Step | tuple[Any, ...] | list[Any]) -> Step:
    return step if isinstance(step, Step) else Step(*step)


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"after:{offset}".encode()).decode()


def _offset_of(cursor: Any) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("after:"))
    except (ValueError, TypeError) as error:
        raise RefusedError("A0400") from error


# --- as a process -------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.peers.track123", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--key", default="demo-key", help="the API key it accepts")
    parser.add_argument("--auto-register", action="store_true", help="register numbers asked for")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keeps when each number was first seen")
    options = parser.parse_args(arguments)
    server = Track123Server(
        options.key,
        host=options.host,
        port=options.port,
        auto_register=options.auto_register,
        journey=demo_journey,
        state=options.state,
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        server.start()
    except OSError as error:
        parser.error(f"port {options.port} cannot be used: {error.strerror}; give another with --port.")
    try:
        print(f"Track123 stand-in on {server.url}", flush=True)  # noqa: T201
        stop.wait()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
