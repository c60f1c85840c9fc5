"""Prometheus' text format, version 0.0.4.

>>> print(family("jobs_total", "counter", "Jobs.", [({"task": 'a "b"'}, 3)]), end="")
# HELP jobs_total Jobs.
# TYPE jobs_total counter
jobs_total{task="a \\"b\\""} 3
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from scheduling.histogram import BOUNDS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = Mapping[str, object]
ENDS = (*(f"{each:g}" for each in BOUNDS), "+Inf")  # of the buckets


def family(name: str, kind: str, words: str, samples: Iterable[tuple[Labels, float]]) -> str:
    """One metric with its samples; nothing where there are none."""
    lines = [_line(name, labels, value) for labels, value in samples]
    return _head(name, kind, words) + "".join(lines) if lines else ""


def histogram(name: str, words: str, samples: Iterable[tuple[Labels, Mapping[int, int], float]]) -> str:
    """Labels, counts by the place of a bucket, and the sum of seconds, each."""
    lines = []
    for labels, counts, seconds in samples:
        told = "".join(f"{text}," for text in _told(labels))
        cumulated = accumulate(counts.get(place, 0) for place in range(len(BOUNDS) + 1))
        lines += [
            f'{name}_bucket{{{told}le="{bound}"}} {count}\n'
            for bound, count in zip(ENDS, cumulated, strict=True)
        ]
        lines += [_line(f"{name}_sum", labels, seconds), _line(f"{name}_count", labels, sum(counts.values()))]
    return _head(name, "histogram", words) + "".join(lines) if lines else ""


def _head(name: str, kind: str, words: str) -> str:
    return f"# HELP {name} {words}\n# TYPE {name} {kind}\n"


def _line(name: str, labels: Labels, value: float) -> str:
    told = ",".join(_told(labels))
    return f"{name}{{{told}}} {value}\n" if told else f"{name} {value}\n"


def _told(labels: Labels) -> list[str]:
    return [f'{label}="{_escaped(text)}"' for label, text in labels.items()]


def _escaped(text: object) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
