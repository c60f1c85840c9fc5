"""A local HTTP server that can be told to misbehave: what every vendor's stand-in has in common."""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

MAX_BODY = 10_000_000  # bytes of a request
DAMAGES = ("malformed", "truncated", "html", "empty", "huge", "drip", "disconnect", "redirect")


@dataclass(frozen=True)
class Answer:
    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived; `at` is a time.monotonic() reading."""

    endpoint: str
    body: Any
    headers: dict[str, str]
    at: float


@dataclass
class Fault:
    """What to do wrong with the next `times` requests; None means until heal()."""

    times: int | None = 1
    code: str = ""  # answer with this code of the vendor
    status: int = 0  # answer with this HTTP status
    delay: float = 0  # seconds to wait before answering
    lag: float = 0  # seconds that the answer is on its way: it tells what was so before them
    damage: str = ""  # one of DAMAGES
    retry_after: str = ""  # header Retry-After
    endpoint: str = ""  # only requests whose path contains this

    def __post_init__(self) -> None:
        if self.damage and self.damage not in DAMAGES:
            raise ValueError(f"damage: {self.damage!r} is none of {', '.join(DAMAGES)}.")


class Peer:
    """Base of a stand-in: `with Stand_in() as server: server.url`. Subclasses answer()."""

    path = "/"  # where the vendor's API begins

    def __init__(
        self, *, port: int = 0, host: str = "127.0.0.1", clock: Callable[[], float] = time.time
    ) -> None:
        self.requests: list[Recorded] = []
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self._address = (host, port)
        self._clock = clock
        self._ahead = 0.0  # seconds
        self._faults: list[Fault] = []

    # --- what subclasses fill in ---------------------------------------------------------------------

    def answer(self, request: Recorded) -> Answer:
        raise NotImplementedError

    def refusal(self, code: str) -> Answer:
        """The vendor's error answer with this code."""
        raise NotImplementedError

    def page(self) -> str:
        """HTML that tells people what has happened here; none by default."""
        return ""

    def control(self, command: str, arguments: dict[str, Any]) -> Any:
        """Do what POST /control {command: arguments} asks."""
        actions: dict[str, Callable[..., Any]] = {
            "fail": self.fail,
            "heal": self.heal,
            "advance": self.advance,
        }
        return actions[command](**arguments)

    # --- life ----------------------------------------------------------------------------------------

    def start(self) -> None:
        self._server = _Server(self._address, _Handler)
        self._server.peer = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name=type(self).__name__
        )
        self._thread.start()

    def stop(self) -> None:
        """End at once, also the requests that hang."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host}:{port}{self.path}"

    @property
    def control_url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host}:{port}/control"

    # --- time and faults -----------------------------------------------------------------------------

    def now(self) -> float:
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        """Set the stand-in's clock forward."""
        self._ahead += seconds

    def fail(self, **fault: Any) -> None:
        """Do something wrong with the next requests: see Fault."""
        with self.lock:
            self._faults.append(Fault(**fault))

    def heal(self) -> None:
        with self.lock:
            self._faults.clear()

    def asked(self, endpoint: str = "") -> list[Recorded]:
        """The requests so far whose path contains `endpoint`."""
        with self.lock:
            return [request for request in self.requests if endpoint in request.endpoint]

    def take_fault(self, request: Recorded) -> Fault | None:
        with self.lock:
            for fault in self._faults:
                if fault.endpoint not in request.endpoint:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    def record(self, request: Recorded) -> None:
        with self.lock:
            self.requests.append(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # stop() waits for them, so that no socket outlives its test
    request_queue_size = 128
    peer: Peer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news; anything else is a fault of the stand-in."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10  # seconds without a byte of the request

    def do_POST(self) -> None:
        try:
            body = self._read_body()
        except ValueError:
            self._send(Answer({"msg": "The body is not JSON, or too large."}, 400))
            return
        if self.path == "/control":
            self._control(body)
            return
        peer = self.server.peer
        request = Recorded(self.path.removeprefix(peer.path), body, dict(self.headers), time.monotonic())
        peer.record(request)
        self._serve(request, peer.take_fault(request))

    def do_GET(self) -> None:
        if self.path == "/" and (page := self.server.peer.page()):
            self._write(page.encode(), kind="text/html; charset=utf-8")
            return
        status = 200 if self.path in ("/", "/control") else 404
        with self.server.peer.lock:
            self._send(Answer({"requests": len(self.server.peer.requests)}, status))

    def _serve(self, request: Recorded, fault: Fault | None) -> None:
        peer = self.server.peer
        if fault is None:
            self._send(peer.answer(request))
            return
        if fault.delay and peer.stopping.wait(fault.delay):
            return
        if fault.damage:
            getattr(self, f"_send_{fault.damage}")(peer.answer(request))
            return
        answer = peer.refusal(fault.code) if fault.code else peer.answer(request)
        if fault.lag and peer.stopping.wait(fault.lag):
            return
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        self._send(Answer(answer.body, fault.status or answer.status, headers))

    def _control(self, commands: dict[str, dict[str, Any]]) -> None:
        try:
            done = {name: self.server.peer.control(name, arguments) for name, arguments in commands.items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._send(Answer({"error": f"control: {error}"}, 400))
            return
        self._send(Answer(done))

    def _read_body(self) -> Any:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            raise ValueError("too large")
        body = self.rfile.read(length)
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(body.decode()))
        return json.loads(body or b"null")

    def _send(self, answer: Answer) -> None:
        self._write(json.dumps(answer.body).encode(), status=answer.status, headers=answer.headers)

    def _write(
        self,
        body: bytes,
        *,
        status: int = 200,
        kind: str = "application/json",
        length: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: tests look at peer.requests."""

    # --- damaged answers -----------------------------------------------------------------------------

    def _send_malformed(self, answer: Answer) -> None:
        self._write(json.dumps(answer.body).encode()[:-3] + b"]]]")

    def _send_truncated(self, answer: Answer) -> None:
        body = json.dumps(answer.body).encode()
        self._write(body[: len(body) // 2], length=len(body))

    def _send_html(self, answer: Answer) -> None:
        self._write(b"<!doctype html><h1>502 Bad Gateway</h1>", kind="text/html")

    def _send_empty(self, answer: Answer) -> None:
        self._write(b"")

    def _send_huge(self, answer: Answer) -> None:
        """Blanks without end, until the client hangs up."""
        self._write(b"", length=10**12)
        while not self.server.peer.stopping.is_set():
            self.wfile.write(b" " * 65536)

    def _send_drip(self, answer: Answer) -> None:
        """A byte now and then: no single read times out, the answer never ends."""
        self._write(b"", length=10**6)
        while not self.server.peer.stopping.wait(0.05):
            self.wfile.write(b" ")

    def _send_disconnect(self, answer: Answer) -> None:
        self.close_connection = True

    def _send_redirect(self, answer: Answer) -> None:
        self._write(b"", status=307, headers={"Location": self.server.peer.url + "elsewhere"})
