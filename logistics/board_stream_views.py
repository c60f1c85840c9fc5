"""Live boards: /trips/stream/ and /dispatch/stream/?ms=7 tell their pages when to fetch themselves anew."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.timezone import now
from django.views.decorators.http import require_GET

from ims.accounts.middleware import unauthorized
from ims.accounts.models import User
from ims.lib.api import error_response
from ims.web import live
from logistics.dispatch import access as dispatch_access
from logistics.dispatch import board as dispatch_board
from logistics.trips import access, board, board_stream
from logistics.trips.board_stream import Board
from logistics.trips.stream_views import NO_STREAM, asked_again, in_thread, who_asks

Find = Callable[[User], Board | None]  # the board, or None where this person may not see it


@login_not_required  # answer() asks who it is, here and at each heartbeat
@require_GET
async def trips(request: HttpRequest) -> HttpResponseBase:
    """The dispatchers' board, which is the same for all of them."""
    return await answer(request, trips_of)


@login_not_required
@require_GET
async def dispatch(request: HttpRequest) -> HttpResponseBase:
    """The board of a mother station, for its engineers in charge."""
    return await answer(request, lambda user: dispatch_of(user, request.GET.get("ms", "")))


def trips_of(user: User) -> Board | None:
    if not access.is_dispatcher(user):
        return None
    return Board("trips", lambda: live.version(board.board(user, now()).news))


def dispatch_of(user: User, pk: str) -> Board | None:
    stations = dispatch_access.mother_stations(user)
    ms = next((each for each in stations if str(each.pk) == pk), None)
    if ms is None:
        return None
    return Board(f"dispatch:{ms.pk}", lambda: live.version(dispatch_board.board(ms, now()).facts))


async def answer(request: HttpRequest, find: Find) -> HttpResponseBase:
    if not isinstance(request, ASGIRequest):
        return HttpResponse(status=NO_STREAM)
    user = await in_thread(lambda: who_asks(request))
    if user is None:
        return unauthorized(request)
    found = await in_thread(lambda: find(user))
    if found is None:
        return error_response(request, "not_found", "There is no such board for you.", 404)

    def may_watch() -> bool:
        again = who_asks(request)
        return again == user and find(again) is not None

    return board_stream.watch(request, found, f"user:{user.pk}", asked_again(may_watch))
