"""The web process: pages in threads, live streams on the loop."""

import asyncio
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from a2wsgi import WSGIMiddleware
from asgiref.testing import ApplicationCommunicator
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from ims import asgi
from ims.lib import bodies
from ims.web.spreadsheets import download

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 2
threads: set[int] = set()
sessions: set[object] = set()
begun, read_on = threading.Event(), threading.Event()


@pytest.fixture(autouse=True)
def few_threads(monkeypatch, settings):
    """Two threads of its own, which leave no connection open."""
    settings.ROOT_URLCONF = __name__
    settings.DATABASES["default"]["CONN_MAX_AGE"] = None
    in_threads = WSGIMiddleware(get_wsgi_application(), workers=COUNT)
    monkeypatch.setattr(asgi, "in_threads", in_threads)
    threads.clear(), sessions.clear()
    yield
    all_at_once = threading.Barrier(COUNT)
    for _ in range(COUNT):  # a thread each, also one that is made only now
        in_threads.executor.submit(lambda: (all_at_once.wait(10), connections.close_all()))
    in_threads.executor.shutdown()


def where(request: HttpRequest) -> HttpResponse:
    """Says how the request came, and notes who served it."""
    threads.add(threading.get_ident())
    connection.ensure_connection()
    sessions.add(connection.connection)
    return HttpResponse(f"{request.scheme} {request.headers.get('X-Forwarded-Proto')}")


@download
def export(request: HttpRequest) -> HttpResponse:
    """A large one."""
    begun.set()
    assert read_on.wait(10)
    return HttpResponse("all of it")


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


for view in (where, export, echo):
    view.login_required = False  # type: ignore[attr-defined]
urlpatterns = [path("where/", where), path("export/", export), path("echo/", echo)]


def get(path: str, *headers: tuple[bytes, bytes]) -> tuple[int, bytes]:
    """The status and body of an answer of the whole application."""
    return asyncio.run(answered(begin(path, *headers), b""))


def begin(path: str, *headers: tuple[bytes, bytes], method: str = "GET") -> ApplicationCommunicator:
    """A request of which nothing but the headers is here."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers],
    }
    return ApplicationCommunicator(asgi.application, scope)


async def answered(asked: ApplicationCommunicator, *parts: bytes, is_whole: bool = True) -> tuple[int, bytes]:
    """The status and body, after these parts of the request's own; without an end more seem to come."""
    for number, part in enumerate(parts, 1):
        more = number < len(parts) or not is_whole
        await asked.send_input({"type": "http.request", "body": part, "more_body": more})
    status, body = (await asked.receive_output(10))["status"], b""
    while (part := await asked.receive_output(10)).get("more_body"):
        body += part["body"]
    await asked.wait()
    return status, body + part["body"]


@pytest.mark.parametrize(
    ("path", "server"),
    [
        ("/api/trips/1/stream/", "on_loop"),
        ("/trips/stream/", "on_loop"),
        ("/dispatch/stream/", "on_loop"),
        ("/api/trips/1/events/", "in_threads"),
        ("/nowhere/", "in_threads"),
        ("\udcff", "in_threads"),
        ("/invoices/export/", "downloads"),
        ("/api/invoices/export/", "downloads"),
        ("/shipments/export.csv", "downloads"),
        ("/shipments/report/late.csv", "downloads"),
        ("/licences/export/licences.xlsx", "downloads"),
        ("/api/licensing/exports/licences.xlsx/", "downloads"),
    ],
)
def test_streams_run_on_the_loop_and_exports_in_threads_of_their_own(settings, path, server):
    settings.ROOT_URLCONF = "ims.urls"
    assert asgi.server_of(path) is getattr(asgi, server)


def test_pages_answer_while_exports_hold_every_thread_they_have(monkeypatch):
    exports = WSGIMiddleware(get_wsgi_application(), workers=1)
    monkeypatch.setattr(asgi, "downloads", exports)
    with ThreadPoolExecutor(1) as somebody:
        export = somebody.submit(get, "/export/")
        try:
            assert begun.wait(10)
            assert get("/where/")[0] == 200
            assert not export.done()
        finally:
            read_on.set()
        assert export.result(10) == (200, b"all of it")
    exports.executor.shutdown()


def test_requests_share_a_few_threads_and_their_connections():
    assert [get("/where/")[0] for _ in range(COUNT * 3)] == [200] * COUNT * 3
    assert len(sessions) == len(threads) <= COUNT


def test_a_header_that_only_looks_like_the_proxys_is_dropped():
    assert get("/where/", (b"x_forwarded_proto", b"https"))[1] == b"http None"


def test_who_sends_slowly_takes_no_thread():
    async def more_slow_ones_than_threads() -> int:
        slow = [begin("/echo/", method="POST") for _ in range(COUNT + 1)]
        for each in slow:
            await each.send_input({"type": "http.request", "body": b"a", "more_body": True})
        status, _ = await answered(begin("/where/"), b"")
        for each in slow:
            await each.send_input({"type": "http.disconnect"})
            await each.wait()
        return status

    assert asyncio.run(more_slow_ones_than_threads()) == 200


def test_a_body_arrives_as_it_was_sent():
    parts = [bytes([number]) * bodies.PIECE for number in range(20)]
    length = b"%d" % sum(map(len, parts))
    asked = begin("/echo/", (b"content-length", length), method="POST")
    assert asyncio.run(answered(asked, *parts)) == (200, b"".join(parts))


def test_what_says_that_it_is_too_large_is_refused_before_it_is_sent():
    asked = begin("/echo/", (b"content-length", b"60000001"), method="POST")
    assert asyncio.run(answered(asked))[0] == 413


@pytest.mark.parametrize("address", ["/echo/", "/api/trips/1/stream/"])
def test_what_becomes_too_large_is_refused(monkeypatch, address):
    monkeypatch.setattr(bodies, "LARGEST", 10)
    asked = begin(address, method="POST")
    assert asyncio.run(answered(asked, b"123456", b"789012", is_whole=False))[0] == 413


def test_what_never_ends_is_refused_in_the_shape_of_the_api(monkeypatch):
    monkeypatch.setattr(bodies, "PATIENCE", 0.05)
    status, content = asyncio.run(answered(begin("/api/echo/", method="POST"), b"a", is_whole=False))
    assert (status, json.loads(content)["error"]["code"]) == (408, "too_slow")


def test_systemd_hears_when_a_process_can_answer(monkeypatch, tmp_path):
    async def start() -> dict[str, Any]:
        web = ApplicationCommunicator(asgi.application, {"type": "lifespan", "asgi": {"version": "3.0"}})
        await web.send_input({"type": "lifespan.startup"})
        answer = await web.receive_output(10)
        await web.send_input({"type": "lifespan.shutdown"})
        assert (await web.receive_output(10))["type"] == "lifespan.shutdown.complete"
        await web.wait()
        return answer

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert asyncio.run(start()) == {"type": "lifespan.startup.complete"}
        assert manager.recv(100) == b"READY=1"
