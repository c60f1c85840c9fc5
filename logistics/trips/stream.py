"""Events of a trip as server-sent events: what a browser's EventSource understands.

Each event carries its number as `id`, so a client that comes back says where it was (Last-Event-ID) and gets
the rest. `reset` tells that older events are gone: the client loads the page anew.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache

from django.conf import settings
from django.utils.timezone import now

from logistics.trips import feed
from logistics.trips.feed import Page
from logistics.trips.hub import HUB, Watcher

RETRY = 2000  # milliseconds until a browser comes back
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

Check = Callable[[], Awaitable[bool]]


async def lines(watcher: Watcher, is_allowed: Check, *, is_public: bool = False) -> AsyncIterator[bytes]:
    """The stream until the client leaves, falls behind, or may not watch any more."""
    watcher.loop = loop = asyncio.get_running_loop()  # a view may run in another one than its response
    HUB.add(watcher)
    beat = loop.time() + settings.TRIP_HEARTBEAT_SECONDS
    try:
        if HUB.count(watcher.owner) > settings.TRIP_STREAMS_PER_USER or HUB.count() > settings.TRIP_STREAMS:
            return  # others began in the same moment; who comes back is told
        yield f"retry: {RETRY}\n\n".encode()
        while True:
            try:
                async with asyncio.timeout_at(beat):
                    page = await watcher.pages.get()
            except TimeoutError:
                if not await is_allowed():
                    return
                beat = loop.time() + settings.TRIP_HEARTBEAT_SECONDS
                yield heartbeat()
                continue
            if page is None:
                return
            yield as_text(page, is_public)
    finally:
        HUB.remove(watcher)


def heartbeat() -> bytes:
    return f'event: heartbeat\ndata: {{"at": "{now().isoformat()}"}}\n\n'.encode()


def as_text(page: Page, is_public: bool) -> bytes:
    return _as_text(_Same(page), is_public)


class _Same:
    """A page by its identity: all its watchers share one text."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def __hash__(self) -> int:
        return id(self.page)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.page is self.page


@lru_cache(maxsize=64)
def _as_text(same: _Same, is_public: bool) -> bytes:
    page = same.page
    parts = [f'id: {page.last}\nevent: reset\ndata: {{"type": "reset"}}\n\n'] if page.is_reset else []
    for event in page.events:
        facts = feed.as_json(event)
        if is_public:
            facts.pop("message", None)
        parts.append(f"id: {event.number}\ndata: {json.dumps(facts)}\n\n")
    return "".join(parts).encode()
