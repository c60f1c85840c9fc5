"""What was asked and what came of it, what was broken and when; and whether the one explains the other."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

GRACE = 5.0  # seconds after a fault is mended in which its errors may still be its own
CRASH = "HTTP 500"
ALL = ""  # of kinds of requests
SPOILS = {  # fault: the kinds of requests (their beginnings) that it may spoil; those of workers spoil none
    "web": (ALL,),
    "web process": (ALL,),
    "connections": (ALL,),
    "PostgreSQL": (ALL,),
    "Track123": ("track: ask Track123 now",),
    "parent": ("monitor: readyz",),
    "supervisor": ("monitor: readyz",),
}


@dataclass(frozen=True)
class Request:
    """`began` is when it was due by the plan, so that waiting for a free hand counts."""

    kind: str
    began: float  # time.monotonic()
    seconds: float
    error: str = ""  # nothing where it was answered as it should be
    answer: str = ""  # its beginning, where that was wrong

    @property
    def ended(self) -> float:
        return self.began + self.seconds


@dataclass
class Fault:
    kind: str
    began: float
    ended: float | None = None  # None: it goes on

    def may_explain(self, request: Request) -> bool:
        spoiled = any(request.kind.startswith(each) for each in SPOILS.get(self.kind, ()))
        over = float("inf") if self.ended is None else self.ended + GRACE
        return spoiled and self.began <= request.ended and request.began <= over

    def end(self) -> None:
        self.ended = self.ended or time.monotonic()


@dataclass
class Ledger:
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, request: Request) -> None:
        with self.lock:
            self.requests.append(request)

    def break_off(self, kind: str) -> Fault:
        """A fault begins; whoever made it ends it."""
        fault = Fault(kind, time.monotonic())
        with self.lock:
            self.faults.append(fault)
        return fault

    def explanation(self, request: Request) -> str:
        """The fault that was in progress, or just over, if any; none excuses a crash: it should be a 503."""
        return "" if request.error == CRASH else self.in_progress(request)

    def in_progress(self, request: Request) -> str:
        found = (each.kind for each in reversed(self.faults) if each.may_explain(request))
        return next(found, "")

    def errors(self) -> Counter[tuple[str, str, str]]:
        """(kind, error, explanation): how often."""
        failed = [each for each in self.requests if each.error]
        return Counter((each.kind, each.error, self.explanation(each)) for each in failed)

    def unexplained(self) -> list[Request]:
        return [each for each in self.requests if each.error and not self.explanation(each)]
