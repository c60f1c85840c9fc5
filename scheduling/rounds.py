"""What the supervisor does every so many seconds."""

from __future__ import annotations

from collections.abc import Callable


class Round:
    """Something that is done every so many seconds; at once again where it says that there is more."""

    def __init__(self, seconds: float, act: Callable[[], object]) -> None:
        self.seconds = seconds
        self.act = act
        self.due_at = 0.0  # monotonic

    def run_if_due(self, now: float) -> None:
        if now >= self.due_at:
            self.due_at = now + self.seconds
            if self.act():
                self.due_at = now
