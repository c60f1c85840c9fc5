"""When a failed job runs again."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from scheduling.exceptions import BadDeclaration


@dataclass(frozen=True)
class Retry:
    """When a failed job runs again: exponential back-off with jitter, then Failed.

    `attempts` counts the first run. `delay` and `max_delay` are seconds. `jitter` is the share by which a
    delay may vary either way. Exceptions in `permanent`, or with a true attribute `permanent`, are final at
    once; an exception with an attribute `retry_after` (seconds) sets the delay itself.
    """

    attempts: int = 4
    delay: float = 60
    factor: float = 2
    max_delay: float = 3600
    jitter: float = 0.2
    permanent: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise BadDeclaration(f"Retry(attempts={self.attempts}): the first run counts, so give 1 or more.")
        if self.delay < 0 or self.factor < 1 or self.max_delay < 0 or not 0 <= self.jitter < 1:
            raise BadDeclaration(
                f"{self}: delays cannot be negative, factor is 1 or more, jitter from 0 to 1."
            )

    def gives_up(self, error: BaseException, attempt: int) -> bool:
        return (
            attempt >= self.attempts
            or isinstance(error, self.permanent)
            or bool(getattr(error, "permanent", False))
        )

    def pause_after(self, attempt: int, error: BaseException | None = None) -> float:
        """Seconds to wait after this attempt (1 is the first)."""
        wanted = getattr(error, "retry_after", None)
        if isinstance(wanted, int | float) and not math.isnan(wanted):
            return min(max(float(wanted), 0), 24 * 3600)
        try:
            pause = min(self.delay * self.factor ** (attempt - 1), self.max_delay)
        except OverflowError:  # after a thousand attempts
            pause = self.max_delay
        return pause * (1 + random.uniform(-self.jitter, self.jitter))  # noqa: S311 - not a secret
