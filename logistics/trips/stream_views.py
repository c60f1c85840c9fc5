"""Live streams: /api/trips/{id}/stream/ and /share/{token}/stream/, from async views.

A server without ASGI answers 204 at once, which tells a browser not to ask again; its page polls instead.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.timezone import now
from django.views.decorators.http import require_GET
from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.views import APIView

from ims.accounts.middleware import unauthorized
from ims.accounts.models import User
from ims.lib.api import error_response
from ims.lib.ids import read_id
from logistics.trips import access, feed, sharing, stream
from logistics.trips.hub import HUB, Watcher

NO_STREAM = 204
THREADS = ThreadPoolExecutor(4, thread_name_prefix="trip-rights")

R = TypeVar("R")


@login_not_required  # asks itself, because a plain view knows sessions alone and not tokens
@require_GET
async def trip(request: HttpRequest, trip_id: str) -> HttpResponseBase:
    """The events of a trip to those who may watch it."""
    pk = int(trip_id)
    if not isinstance(request, ASGIRequest):
        return HttpResponse(status=NO_STREAM)
    user = await in_thread(lambda: who_asks(request))
    if user is None:
        return unauthorized(request)
    if not await in_thread(lambda: access.visible(user).filter(pk=pk).exists()):
        return error_response(request, "not_found", "There is no such trip.", 404)

    def may_watch() -> bool:
        again = who_asks(request)
        return again == user and access.visible(again).filter(pk=pk).exists()

    return await watch(request, pk, f"user:{user.pk}", may_watch)


@login_not_required
@require_GET
async def shared(request: HttpRequest, token: str) -> HttpResponseBase:
    """The events of a shared trip, without words, until the link or the trip ends."""
    if not isinstance(request, ASGIRequest):
        return HttpResponse(status=NO_STREAM)
    pk = await in_thread(lambda: shared_trip(token))
    if pk is None:
        return error_response(request, "not_found", "This link has expired: ask for a new one.", 404)
    may_watch = lambda: shared_trip(token) is not None  # noqa: E731
    return await watch(request, pk, f"share:{pk}", may_watch, is_public=True)


def shared_trip(token: str) -> int | None:
    try:
        found = sharing.open_link(token, now())
    except sharing.BadLink:
        return None
    return None if sharing.has_ended(found) else found.pk


async def watch(
    request: HttpRequest, pk: int, owner: str, may_watch: Callable[[], bool], *, is_public: bool = False
) -> HttpResponseBase:
    if HUB.count(owner) >= settings.TRIP_STREAMS_PER_USER:
        message = "You watch too many trips at once: close some of the pages, or ask …/events/ instead."
        return error_response(request, "too_many_streams", message, 429)
    if HUB.count() >= settings.TRIP_STREAMS:
        return error_response(request, "busy", "Too many watch at once: ask …/events/ instead.", 503)
    after = asked_for(request)
    last = await in_thread(lambda: feed.newest(pk)) if after is None else after
    watcher = Watcher(pk, last, owner)

    content = stream.lines(watcher, asked_again(may_watch), is_public=is_public)
    return StreamingHttpResponse(content, content_type="text/event-stream", headers=stream.HEADERS)


def asked_again(may_watch: Callable[[], bool]) -> stream.Check:
    async def is_allowed() -> bool:
        try:
            return await in_thread(may_watch)
        except DatabaseError:
            return True  # it is asked again soon; meanwhile nothing is read from it either

    return is_allowed


def asked_for(request: HttpRequest) -> int | None:
    """Where the client was: a browser that comes back says so in a header, else the address does."""
    said = request.headers.get("Last-Event-ID", ""), request.GET.get("after", "")
    return next((number for text in said if (number := read_id(text)) is not None), None)


def who_asks(request: HttpRequest) -> User | None:
    """By token or session, which must still be valid."""
    asking = Request(request, authenticators=APIView().get_authenticators())
    try:
        user = asking.user
    except exceptions.APIException:
        return None
    if not isinstance(user, User) or not user.is_active:
        return None
    if isinstance(asking.successful_authenticator, SessionAuthentication):
        is_open = request.session.exists(request.session.session_key or "")
        return User.objects.filter(pk=user.pk, is_active=True).first() if is_open else None
    return user


async def in_thread(ask: Callable[[], R]) -> R:
    """Ask the database in a thread of ours, and keep no connection: a stream may last for hours."""

    def asking() -> R:
        try:
            return ask()
        finally:
            connection.close()

    return await sync_to_async(asking, thread_sensitive=False, executor=THREADS)()
