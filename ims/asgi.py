"""The ASGI entry point: uvicorn ims.asgi:application.

A view that is a coroutine, as a live stream is, runs on the event loop. All others run in a few threads
that keep their database connections: Django's ASGI handler would give every request a thread and a
connection of its own and change threads at each middleware, which takes longer than most of our views.
"""

import os

from a2wsgi import WSGIMiddleware
from a2wsgi.asgi_typing import Receive, Scope, Send
from asgiref.sync import iscoroutinefunction
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ims.settings")
on_loop = get_asgi_application()

from django.conf import settings  # noqa: E402 - they are there only now
from django.urls import Resolver404, resolve  # noqa: E402

from scheduling import systemd  # noqa: E402

# a2wsgi and Django name the same shapes differently.
in_threads = WSGIMiddleware(get_wsgi_application(), workers=settings.WEB_THREADS)  # type: ignore[arg-type]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
    elif scope["type"] == "http" and is_coroutine(scope["path"]):
        await on_loop(scope, receive, send)  # type: ignore[arg-type]
    else:
        await in_threads(plain(scope), receive, send)


async def live(receive: Receive, send: Send) -> None:
    """uvicorn asks each of its processes to get ready; the first one that is tells systemd."""
    await receive()
    systemd.notify(systemd.READY)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def is_coroutine(path: str) -> bool:
    """Whether a coroutine answers at this path."""
    try:
        return iscoroutinefunction(resolve(path).func)
    except Resolver404:
        return False


def plain(scope: Scope) -> Scope:
    """Without headers that WSGI could not tell from the proxy's, as X_Forwarded_Proto."""
    if scope["type"] != "http":
        return scope
    return {**scope, "headers": [each for each in scope["headers"] if b"_" not in each[0]]}
