"""Ask Track123 about many numbers though it may refuse a whole request because of one of them.

A refused request is asked again in halves until the bad number stands alone: one among a hundred costs
fourteen requests more. The requests are bounded; what is not asked when they are spent shares the refusal.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from masterdata.track123_service import ParcelRef, Track123Error

T = TypeVar("T")
MOST_REQUESTS = 40  # in place of one that was refused: enough for two or three bad numbers
BAD_NUMBER = "Track123 refused this number ({code}): check it and its courier."
NOT_ASKED = (
    "Track123 refused a request with this number in it ({code}): other numbers of the batch are wrong."
)
BAD_REQUEST = ("A0400", "A0410")  # Track123's codes for what may be the fault of one number


@dataclass(frozen=True)
class Refused:
    """Numbers that Track123 would not be asked about, and why."""

    refs: Sequence[ParcelRef]
    reason: str


def ask_in_halves(
    ask: Callable[[Sequence[ParcelRef]], T], refs: Sequence[ParcelRef]
) -> Iterator[tuple[Sequence[ParcelRef], T] | Refused]:
    """Each answer with the numbers it is about; raises Track123Error for all other errors."""
    waiting = [refs]
    requests = 0
    while waiting:
        chosen = waiting.pop()
        requests += 1
        try:
            yield chosen, ask(chosen)
        except Track123Error as error:
            if error.code not in BAD_REQUEST:
                raise
            if len(chosen) == 1:
                yield Refused(chosen, BAD_NUMBER.format(code=error.code))
            elif requests + len(waiting) + 2 > MOST_REQUESTS:
                yield Refused(chosen, NOT_ASKED.format(code=error.code))
            else:
                middle = len(chosen) // 2
                waiting += [chosen[middle:], chosen[:middle]]
