"""People who watch trips live: each event must reach them once and in order, whatever is killed meanwhile."""

import http.client
import random
import threading
import time
from dataclasses import dataclass, field

from tests.load.cast import Firm
from tests.load.ledger import Request
from tests.load.visits import Spoiled, Web

SILENCE = 40.0  # seconds; a living stream gives a sign every fifteen
PAUSE = 1.0  # seconds before one comes back


@dataclass
class Watch:
    """The numbers of the events of one trip that came, in the order in which they came."""

    trip: int
    numbers: list[int] = field(default_factory=list)
    interruptions: int = 0
    is_over: bool = False
    heard: float = 0.0  # time.monotonic() of the newest line

    @property
    def last(self) -> int:
        return self.numbers[-1] if self.numbers else 0


class Watcher(threading.Thread):
    """Watches one trip until it ends, then another one."""

    def __init__(self, web: Web, firm: Firm, number: int, stopping: threading.Event) -> None:
        super().__init__(name=f"watcher-{number}", daemon=True)
        self.web = web
        self.firm = firm
        self.chance = random.Random(number)
        self.person = firm.people["dispatcher"][number % len(firm.people["dispatcher"])]
        self.stopping = stopping
        self.watches: list[Watch] = []

    def run(self) -> None:
        while not self.stopping.wait(PAUSE):
            trips = [ride.trip for ride in self.firm.rides if ride.trip]
            if trips:
                watch = Watch(self.chance.choice(trips))
                self.watches.append(watch)
                self.follow(watch)

    def follow(self, watch: Watch) -> None:
        while not watch.is_over and not self.stopping.is_set():
            silent_since = time.monotonic()
            try:
                error = self.read(watch)
            except (OSError, http.client.HTTPException, Spoiled) as problem:
                error = type(problem).__name__
                watch.interruptions += 1
            broke = time.monotonic() if error != "TimeoutError" else max(silent_since, watch.heard)
            if not self.stopping.is_set():
                self.web.ledger.note(Request("trips: live stream", broke, time.monotonic() - broke, error))
                self.stopping.wait(PAUSE)

    def read(self, watch: Watch) -> str:
        """Until the trip ends or the stream breaks; what was wrong with the answer."""
        token = self.web.visit(self.person, time.monotonic()).bearer()
        host, _, port = self.web.address.removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=SILENCE)
        try:
            connection.request("GET", f"/api/trips/{watch.trip}/stream/?after={watch.last}", headers=token)
            answer = connection.getresponse()
            if answer.status != 200:
                return f"HTTP {answer.status}"
            while line := answer.readline():
                watch.heard = time.monotonic()
                if line.startswith(b"id: "):
                    watch.numbers.append(int(line[4:]))
                elif line.startswith(b"data: ") and is_the_end(line):
                    watch.is_over = True
                    return ""
            raise ConnectionResetError("The stream ended.")
        finally:
            connection.close()


def is_the_end(line: bytes) -> bool:
    return b'"status_update"' in line and (b'"completed"' in line or b'"cancelled"' in line)


def lost(watches: list[Watch]) -> list[str]:
    """What watchers did not get, or got twice, of what the database knows."""
    from logistics.trips.live_models import TripEvent

    problems = []
    for watch in watches:
        known = list(
            TripEvent.objects.filter(trip=watch.trip, number__lte=watch.last)
            .order_by("number")
            .values_list("number", flat=True)
        )
        if watch.numbers != known:
            missing = sorted(set(known) - set(watch.numbers))
            problems.append(
                f"trip {watch.trip}: a watcher got {len(watch.numbers)} of {len(known)} events"
                f" (missing {missing[:5]}, in order: {watch.numbers == sorted(watch.numbers)})"
            )
        if watch.is_over and watch.last == 0:
            problems.append(f"trip {watch.trip}: the end came without a number")
    return problems
