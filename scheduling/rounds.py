"""What the supervisor does every so many seconds."""

from __future__ import annotations

from collections.abc import Callable


class Round:
    """Something that is done every so many seconds, or sooner where it says in how many."""

    def __init__(self, seconds: float, act: Callable[[], float | None]) -> None:
        self.seconds = seconds
        self.act = act
        self.due_at = 0.0  # monotonic
        self._ran_at = 0.0

    def run_if_due(self, now: float) -> None:
        if now >= self.due_at:
            self._ran_at, self.due_at = now, now + self.seconds
            wait = self.act()
            if wait is not None:
                self.due_at = now + min(self.seconds, wait)

    def hasten(self, rest: float) -> None:
        """There may be something to do: run at once, but for a rest of some seconds since the last time."""
        self.due_at = min(self.due_at, self._ran_at + rest)
