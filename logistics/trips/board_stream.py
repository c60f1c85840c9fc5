"""Tells a board when to fetch itself anew, as server-sent events.

What a board shows is asked once a second for all who watch it in this web process, by one thread; an event
only says that it is another now, and what the board shows is then fetched by each with his own rights. So
nothing has to be announced by whoever changes it, nothing is lost with a web process, and no watcher costs a
thread. Without ASGI the answer is 204, and pages ask every two seconds, as they do while a stream is away.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from ims.lib.api import error_response
from logistics.trips.stream import HEADERS, RETRY, Check, heartbeat

logger = logging.getLogger("ims.trips")
LOOK = 1.0  # seconds between looks at a board
FRESH = LOOK / 2  # a look that is younger is not repeated for another watcher


@dataclass(frozen=True)
class Board:
    """`name` is the same for all who see the same; `version` asks the database for what it shows."""

    name: str
    version: Callable[[], str]


class Looks:
    """What each board shows, and who watches, in this web process."""

    def __init__(self) -> None:
        self.watchers: Counter[str] = Counter()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="board-looks")
        self._known: dict[str, tuple[float, str]] = {}  # when it was looked at, and what it showed

    async def version(self, board: Board) -> str:
        return self._fresh(board) or await asyncio.get_running_loop().run_in_executor(
            self._thread, self._look, board
        )

    def leave(self, owner: str) -> None:
        self.watchers -= Counter([owner])
        if not self.watchers:
            self._thread.submit(connection.close)

    def _look(self, board: Board) -> str:
        """In the thread, which keeps its connection while anybody watches."""
        if version := self._fresh(board):
            return version  # somebody has looked while we waited for the thread
        try:
            version = board.version()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("No news of boards from the database for now: %s", error)
            connection.close()
            version = self._known.get(board.name, (0, ""))[1]
        self._known[board.name] = (monotonic(), version)
        return version

    def _fresh(self, board: Board) -> str:
        at, version = self._known.get(board.name, (0.0, ""))
        return version if monotonic() - at < FRESH else ""


LOOKS = Looks()


def watch(request: HttpRequest, board: Board, owner: str, is_allowed: Check) -> HttpResponseBase:
    if LOOKS.watchers[owner] >= settings.TRIP_STREAMS_PER_USER:
        return error_response(
            request, "too_many_streams", "You watch too many boards: close some pages.", 429
        )
    if LOOKS.watchers.total() >= settings.TRIP_STREAMS:
        return error_response(request, "busy", "Too many watch at once: the page asks instead.", 503)
    content = lines(board, owner, is_allowed)
    return StreamingHttpResponse(content, content_type="text/event-stream", headers=HEADERS)


async def lines(board: Board, owner: str, is_allowed: Check) -> AsyncIterator[bytes]:
    """Versions, the present one first, until the client leaves or may not watch any more."""
    clock = asyncio.get_running_loop().time
    LOOKS.watchers[owner] += 1
    seen, beat = "", clock() + settings.TRIP_HEARTBEAT_SECONDS
    try:
        watchers = LOOKS.watchers
        if watchers[owner] > settings.TRIP_STREAMS_PER_USER or watchers.total() > settings.TRIP_STREAMS:
            return  # others began in the same moment; who comes back is told
        yield f"retry: {RETRY}\n\n".encode()
        while True:
            version = await LOOKS.version(board)
            if version != seen:
                seen = version
                yield f"data: {version}\n\n".encode()
            if clock() >= beat:
                if not await is_allowed():
                    return
                beat = clock() + settings.TRIP_HEARTBEAT_SECONDS
                yield heartbeat()
            await asyncio.sleep(LOOK)
    finally:
        LOOKS.leave(owner)
