"""Charts as drawings that need no script: bars for counts, lines for lengths, one unit wide for each step.

The drawing is stretched to its place; only paths are in it, all words stand around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ims.lib.local_time import local
from ims.web.templatetags.ims import duration, number
from scheduling.figures import SPANS, Chart, Point

HEIGHT = 100
GAP = 0.15  # of a step, between two bars


@dataclass(frozen=True)
class Path:
    drawn: str
    state: str
    kind: str  # bar, line or dash


@dataclass(frozen=True)
class Plot:
    title: str
    sub: str
    top: str  # the amount at the upper edge
    paths: list[Path]
    legend: list[tuple[str, str]]  # state and word
    words: str  # what it shows, for who does not see it
    width: int
    marks: list[str]  # times below: left, middle, right


@dataclass(frozen=True)
class Row:
    """One step in words."""

    when: str
    point: Point


OUTCOMES = (("succeeded", "ok"), ("failed", "failed"), ("cancelled", "wait"))


def of(chart: Chart) -> list[Plot]:
    """The plots of a chart; those of which nothing is known are left out."""
    found = [_ended(chart), _lengths(chart, "run", _("How long they ran"))]
    if chart.knows_waits:
        found.append(_lengths(chart, "wait", _("How long they waited")))
    if any(point.waiting is not None for point in chart.points):
        waiting = [point.waiting for point in chart.points]
        oldest = [point.oldest_seconds for point in chart.points]
        found.append(_line(chart, _("Jobs waiting"), _("at the worst moment of each step"), waiting, number))
        found.append(_line(chart, _("Oldest waiting job"), _("how long it waited"), oldest, duration))
    return found


def rows(chart: Chart) -> list[Row]:
    """The steps in which something ended or waited, the newest first."""
    return [
        Row(local(point.start).strftime("%d %b %H:%M"), point)
        for point in reversed(chart.points)
        if point.outcomes or point.waiting
    ]


def _ended(chart: Chart) -> Plot:
    totals = [sum(point.outcomes.get(name, 0) for name, _state in OUTCOMES) for point in chart.points]
    top = round_up(max(totals, default=0))
    counts = {name: sum(point.outcomes.get(name, 0) for point in chart.points) for name, _state in OUTCOMES}
    return Plot(
        title=_("Jobs that ended"),
        sub=_("in each step of %(step)s") % {"step": _step(chart)},
        top=number(int(top)),
        paths=[Path(drawn, state, "bar") for drawn, state in _stacked(chart.points, top)],
        legend=[(state, f"{name} {number(counts[name])}") for name, state in OUTCOMES],
        words=_("%(succeeded)s succeeded, %(failed)s failed, %(cancelled)s were cancelled.") % counts,
        width=len(chart.points),
        marks=_marks(chart),
    )


def _stacked(points: Sequence[Point], top: float) -> list[tuple[str, str]]:
    below = [0.0] * len(points)
    found = []
    for name, state in OUTCOMES:
        drawn = []
        for place, point in enumerate(points):
            if count := point.outcomes.get(name, 0):
                low, high = _y(below[place], top), _y(below[place] + count, top)
                drawn.append(f"M{place + GAP:g} {low:g}V{high:g}H{place + 1 - GAP:g}V{low:g}Z")
                below[place] += count
        found.append(("".join(drawn), state))
    return found


def _lengths(chart: Chart, measure: str, title: str) -> Plot:
    half = [getattr(point, f"{measure}_p50") for point in chart.points]
    most = [getattr(point, f"{measure}_p95") for point in chart.points]
    worst = max((value for value in most if value is not None), default=0)
    top = round_up(worst)
    return Plot(
        title=title,
        sub=_("half of the jobs within (line), and most of them, 95 in 100 (dashes)"),
        top=duration(top) if worst else "",
        paths=[Path(_joined(half, top), "run", "line"), Path(_joined(most, top), "run", "dash")],
        legend=[],
        words=_("At worst 95 in 100 jobs of a step were within %(length)s.") % {"length": duration(worst)},
        width=len(chart.points),
        marks=_marks(chart),
    )


def _line(
    chart: Chart, title: str, sub: str, values: Sequence[float | None], say: Callable[[Any], Any]
) -> Plot:
    worst = max((value for value in values if value is not None), default=0)
    top = round_up(worst)
    return Plot(
        title=title,
        sub=sub,
        top=str(say(int(top) if isinstance(worst, int) else top)) if worst else "",
        paths=[Path(_joined(values, top), "run", "line")],
        legend=[],
        words=_("At most %(amount)s.") % {"amount": say(worst)},
        width=len(chart.points),
        marks=_marks(chart),
    )


def _joined(values: Sequence[float | None], top: float) -> str:
    """A line through what is known; a single value is a short dash."""
    drawn, is_down = [], False
    for place, value in enumerate(values):
        if value is None:
            is_down = False
            continue
        drawn.append(f"{'L' if is_down else 'M'}{place + (0.5 if is_down else 0.3):g} {_y(value, top):g}")
        if not is_down:
            drawn.append(f"H{place + 0.5:g}")
        is_down = True
    return "".join(drawn)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - HEIGHT * value / top, 2)


def round_up(value: float) -> float:
    """The next round figure, e.g. 200, 300, 400, 600, 800 or 1000."""
    size = 0.001
    while True:
        for digit in (1, 1.5, 2, 3, 4, 6, 8):
            if value <= digit * size:
                return digit * size
        size *= 10


def _step(chart: Chart) -> str:
    minutes = int(SPANS[chart.span].step.total_seconds() // 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"


def _marks(chart: Chart) -> list[str]:
    first, middle, last = (chart.points[place].start for place in (0, len(chart.points) // 2, -1))
    form = "%H:%M" if chart.span in ("hour", "day") else "%d %b"
    return [local(each).strftime(form) for each in (first, middle, last)]
