"""The ASGI entry point: uvicorn ims.asgi:application.

A view that is a coroutine, as a live stream is, runs on the event loop. All others run in a few threads
that keep their database connections: Django's ASGI handler would give every request a thread and a
connection of its own and change threads at each middleware, which takes longer than most of our views.
No request is given one before the whole of it is here.

Views that make files of any size (spreadsheets.download) have a few threads for themselves: pages never wait
for a large export, nor for a slow client that reads one.
"""

import os
from typing import Any

from a2wsgi import WSGIMiddleware
from a2wsgi.asgi_typing import HTTPScope, Receive, Scope, Send
from asgiref.sync import iscoroutinefunction
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ims.settings")
on_loop = get_asgi_application()

from django.conf import settings  # noqa: E402 - they are there only now
from django.urls import Resolver404, resolve  # noqa: E402

from ims.lib import bodies  # noqa: E402
from scheduling import systemd  # noqa: E402

DOWNLOADS_AT_ONCE = 2  # of each web process; who comes later waits for one to end

pages = get_wsgi_application()
# a2wsgi and Django name the same shapes differently.
in_threads = WSGIMiddleware(pages, workers=settings.WEB_THREADS)  # type: ignore[arg-type]
downloads = WSGIMiddleware(pages, workers=DOWNLOADS_AT_ONCE)  # type: ignore[arg-type]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
    elif scope["type"] == "http":
        await answer(scope, receive, send)
    else:
        await in_threads(scope, receive, send)


async def answer(scope: HTTPScope, receive: Receive, send: Send) -> None:
    try:
        body = await bodies.whole(scope, receive)
    except bodies.Left:
        return None
    except bodies.Refusal as refusal:
        return await bodies.refuse(scope, send, refusal)
    try:
        await server_of(scope["path"])(plain(scope), body, send)
    finally:
        body.close()


async def live(receive: Receive, send: Send) -> None:
    """uvicorn asks each of its processes to get ready; the first one that is tells systemd."""
    await receive()
    systemd.notify(systemd.READY)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def server_of(path: str) -> Any:
    """The loop for a coroutine, the threads of downloads for what makes a file, the others for the rest."""
    try:
        view = resolve(path).func
    except Resolver404:
        return in_threads
    if iscoroutinefunction(view):
        return on_loop
    return downloads if getattr(view, "makes_file", False) else in_threads


def plain(scope: HTTPScope) -> HTTPScope:
    """Without headers that WSGI could not tell from the proxy's, as X_Forwarded_Proto."""
    return {**scope, "headers": [each for each in scope["headers"] if b"_" not in each[0]]}
