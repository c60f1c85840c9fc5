"""Lengths of time counted in buckets, so that figures of any span add up.

>>> bucket(0.0004), bucket(0.001), bucket(0.0011), bucket(1e9)
(0, 0, 1, 24)
>>> quantile({bucket(0.3): 50, bucket(30): 50}, 0.5)
0.5
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

# Seconds, upper ends, 1-2-5 by decade: half a millisecond to most of a day.
BOUNDS = tuple(digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5))


def bucket(seconds: float) -> int:
    """The place of the first bound that is not below; after the last bound one more."""
    return bisect_left(BOUNDS, seconds)


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """Seconds below which this share lies, by a straight line inside its bucket; None of nothing."""
    total = sum(counts.values())
    if not total:
        return None
    wanted, below = share * total, 0
    for place in sorted(counts):
        if below + counts[place] >= wanted:
            low = BOUNDS[place - 1] if place else 0.0
            high = BOUNDS[min(place, len(BOUNDS) - 1)]
            return low + (high - low) * (wanted - below) / counts[place] if high > low else high
        below += counts[place]
    return BOUNDS[-1]
