"""One look at the database for all who watch trips in this web process.

A thread waits to be woken (NOTIFY, or SQLite's counter of commits), reads the events that its watchers have
not had, and hands them out. Being woken is only a hint: it looks twice a second anyway, and what each watcher
still lacks is asked of the table, so a lost connection or notification delays events and loses none.
"""

import asyncio
import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError, connection

from logistics.trips import feed
from logistics.trips.feed import Page
from scheduling import wakeup

logger = logging.getLogger("ims.trips")
LOOK = 0.5  # seconds between looks when nothing wakes us
AGAIN = 0.5  # seconds after an error of the database
MOST_WAITING = 100  # pages that a slow client may be behind; then it is let go and comes back by itself

Source = wakeup.Listener | wakeup.CommitCounter


@dataclass(eq=False)
class Watcher:
    """One client of one trip; `last` is the number of the last event that it was handed."""

    trip_id: int
    last: int
    owner: str  # whose limit it counts for
    loop: asyncio.AbstractEventLoop | None = None  # that hands its pages on
    pages: asyncio.Queue[Page | None] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))

    def hand(self, page: Page) -> None:
        """In the loop's own thread. A client that does not keep up is ended instead: None."""
        if not self.pages.full():
            is_last_place = self.pages.qsize() == MOST_WAITING - 1
            self.pages.put_nowait(None if is_last_place else page)


class Hub:
    def __init__(self, source: Callable[[str], Source] = wakeup.source) -> None:
        self._source = source
        self._watchers: set[Watcher] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._bell: socket.socket | None = None  # its other end wakes the thread

    def add(self, watcher: Watcher) -> None:
        """From now on it gets what follows its last event."""
        with self._lock:
            self._watchers.add(watcher)
            if self._thread is None:
                self._start()
            self._ring()

    def remove(self, watcher: Watcher) -> None:
        with self._lock:
            self._watchers.discard(watcher)
            self._ring()

    def count(self, owner: str = "") -> int:
        """How many watch here, of this owner or in all."""
        with self._lock:
            return sum(not owner or each.owner == owner for each in self._watchers)

    def _start(self) -> None:
        self._bell, ear = socket.socketpair()
        self._bell.setblocking(False)
        self._thread = threading.Thread(target=self._run, args=(ear,), name="trip-events", daemon=True)
        self._thread.start()

    def _ring(self) -> None:
        """Under the lock."""
        if self._bell is not None:
            with contextlib.suppress(BlockingIOError):  # it has been rung often enough
                self._bell.send(b"!")

    # --- The thread -------------------------------------------------------------------------------------

    def _run(self, ear: socket.socket) -> None:
        source, selector = self._source(feed.CHANNEL), selectors.DefaultSelector()
        selector.register(ear, selectors.EVENT_READ, "bell")
        looked = 0.0
        try:
            while self._is_needed():
                try:
                    if self._wait(source, selector, ear) or time.monotonic() - looked >= LOOK:
                        looked = time.monotonic()
                        self._look()
                except (DatabaseError, InterfaceError) as error:
                    logger.warning("No events of trips from the database for now: %s", error)
                    connection.close()
                    time.sleep(AGAIN)
                except (
                    Exception
                ):  # whoever watches depends on this thread: it goes on, and says why it stumbled
                    logger.exception("Events of trips: a look failed.")
                    time.sleep(AGAIN)
        finally:
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None  # it broke: the next who comes starts another
            source.close()
            connection.close()
            selector.close()
            ear.close()

    def _is_needed(self) -> bool:
        with self._lock:
            if self._watchers or self._bell is None:
                return bool(self._watchers)
            self._thread = None
            self._bell.close()
            self._bell = None
            return False

    def _wait(self, source: Source, selector: selectors.BaseSelector, ear: socket.socket) -> bool:
        """Whether there may be something new."""
        rung, heard = source.wait(selector, LOOK)
        if rung:
            ear.recv(4096)
        return bool(rung) or heard

    def _look(self) -> None:
        """Hand out what is new, the same page to all who are equally far."""
        with self._lock:
            watchers = list(self._watchers)
        newest = feed.newest_of({each.trip_id for each in watchers})
        behind = defaultdict(list)
        for each in watchers:
            if newest.get(each.trip_id, 0) != each.last:
                behind[each.trip_id, each.last].append(each)
        for (trip_id, last), group in behind.items():
            self._hand_out(feed.read(trip_id, last), group)

    def _hand_out(self, page: Page, group: list[Watcher]) -> None:
        if not page.events and not page.is_reset:
            return
        for loop in {each.loop for each in group if each.loop}:
            own = [each for each in group if each.loop is loop]
            try:
                loop.call_soon_threadsafe(_hand_all, own, page)
            except RuntimeError:
                continue  # the server is stopping
        for each in group:
            each.last = page.last
        if len(page.events) == feed.MOST:
            with self._lock:
                self._ring()


def _hand_all(watchers: list[Watcher], page: Page) -> None:
    for each in watchers:
        each.hand(page)


HUB = Hub()
