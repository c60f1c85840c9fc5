"""What a sitting found, as a page: medians with their range, ratios, and each goal with what was measured."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Rounds = list[dict[str, Any]]
Found = dict[str, Rounds]

REFERENCE = "Celery + Redis, results"
OURS, OURS_SQLITE = "IMS, PostgreSQL", "IMS, SQLite"
TWO, HUEY = "IMS, PostgreSQL, 2 clusters of 2 workers", "Huey, SQLite, results"
COLUMNS = {
    "drain": "drain, jobs/s",
    "enqueue": "enqueue/s",
    "enqueue_many": "enqueue many/s",
    "pick_up_p50": "pick-up p50, ms",
    "pick_up_p99": "pick-up p99, ms",
    "idle_statements": "idle, statements/s",
    "idle_cpu_percent": "idle, % of a core",
    "memory_mb": "memory, MB",
}


@dataclass(frozen=True)
class About:
    rounds: int
    quick: bool
    versions: dict[str, str]


def text(found: Found, missing: dict[str, str], about: About) -> str:
    parts = [
        HEAD.format(made=f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC", size=_size(about), machine=machine()),
        _table(found),
        _ratios(found),
        _queue(found),
        _goals(found),
        _missing(missing),
        "Versions: "
        + ", ".join(f"{name} {version}" for name, version in sorted(about.versions.items()))
        + ".",
        METHOD,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


HEAD = """# What `make bench` found

Made by `python -m bench.engine` on {made}: {size}, on {machine}.
[docs/performance.md](../docs/performance.md) tells what limits each figure."""

METHOD = """## How it is measured

Four worker processes for each; no-op jobs; logs at WARNING. In each round every contender has its turn, in a
process and an empty database of its own. Cells are medians with (least – most).

- **drain**: from the time when a tenth of the jobs is done until all are, every result kept as the name says.
- **enqueue**: calls a second from one process; **many**: one call for all, where there is such a call.
- **pick-up**: from the call that enqueues until an idle worker runs the job's first line.
- **idle**: workers with nothing to do, once; ours for a minute. Statements are those that PostgreSQL logs;
  CPU and memory are of all processes of the contender, not of its server.

Redis keeps nothing on disk here, which favours it."""


def _size(about: About) -> str:
    rounds = f"{about.rounds} round{'s' if about.rounds > 1 else ''}"
    return (
        f"{rounds} at a tenth of the usual load (--quick: only to see that it works)"
        if about.quick
        else rounds
    )


def _table(found: Found) -> str:
    lines = ["| | " + " | ".join(COLUMNS.values()) + " |", "|---|" + "---:|" * len(COLUMNS)]
    for name, rounds in found.items():
        lines.append(f"| {name} | " + " | ".join(cell(rounds, key) for key in COLUMNS) + " |")
    return "\n".join(lines)


def cell(rounds: Rounds, key: str) -> str:
    values = [each[key] for each in rounds if key in each]
    if not values:
        return "–"
    middle = _shown(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({_shown(min(values))} – {_shown(max(values))})"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 1 else f"{value:.1f}"


def ratios(found: Found, key: str, name: str, to: str) -> list[float]:
    """One of each round, so that a busy minute of the machine weighs on both sides."""
    pairs = zip(found.get(name, []), found.get(to, []), strict=False)
    return [one[key] / other[key] for one, other in pairs if other.get(key)]


def _ratios(found: Found) -> str:
    if REFERENCE not in found:
        return ""
    lines = [f"| times {REFERENCE} | drain | enqueue | pick-up p50 |", "|---|---:|---:|---:|"]
    for name in found:
        cells = [_ratio(ratios(found, key, name, REFERENCE)) for key in ("drain", "enqueue", "pick_up_p50")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _ratio(values: list[float]) -> str:
    if not values:
        return "–"
    middle = f"{statistics.median(values):.2f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f} – {max(values):.2f})"


def _queue(found: Found) -> str:
    """What the length of the queue does to a claim, and to an urgent job."""
    rows = sorted({int(key.rsplit("_", 1)[1]) for key in _keys(found) if key.startswith("claim_ms_")})
    if not rows:
        return ""
    titles = [f"claim of 20 at {count:,} rows, ms" for count in rows] + ["urgent job behind many others, ms"]
    keys = [f"claim_ms_{count}" for count in rows] + ["urgent_ms"]
    lines = ["| | " + " | ".join(titles) + " |", "|---|" + "---:|" * len(titles)]
    for name in (OURS, OURS_SQLITE):
        if name in found:
            lines += [f"| {name} | " + " | ".join(cell(found[name], key) for key in keys) + " |"]
    return "\n".join(lines)


def _goals(found: Found) -> str:
    lines = ["| goal | measured | |", "|---|---:|---|"]
    for goal, measured, is_met in goals(found):
        lines.append(f"| {goal} | {measured:.2f} | {'met' if is_met else '**missed**'} |")
    return "## Goals\n\n" + "\n".join(lines) if len(lines) > 2 else ""


def goals(found: Found) -> list[tuple[str, float, bool]]:
    """Each goal that this sitting can judge."""
    asked: list[tuple[str, list[float], Callable[[float], bool]]] = []

    def ask(goal: str, values: list[float], is_met: Callable[[float], bool]) -> None:
        asked.append((goal, values, is_met))

    for name in (OURS, OURS_SQLITE):
        ask(f"{name}: drain ÷ {REFERENCE} ≥ 5", ratios(found, "drain", name, REFERENCE), lambda v: v >= 5)
        ask(f"{name}: drain ÷ {HUEY} > 1", ratios(found, "drain", name, HUEY), lambda v: v > 1)
        ask(f"{name}: pick-up p50 ≤ 6 ms", _values(found, name, "pick_up_p50"), lambda v: v <= 6)
        ask(f"{name}: idle ≤ 1 % of a core", _values(found, name, "idle_cpu_percent"), lambda v: v <= 1)
        longest = max((key for key in _keys(found) if key.startswith("claim_ms_")), key=len, default="")
        growth = [each[longest] / each["claim_ms_1000"] for each in found.get(name, []) if longest in each]
        ask(
            f"{name}: {longest.removeprefix('claim_ms_')} rows ÷ 1000 rows, claim < 2",
            growth,
            lambda v: v < 2,
        )
    ask(f"{OURS}: enqueue many ≥ 20,000/s", _values(found, OURS, "enqueue_many"), lambda v: v >= 20_000)
    ask(f"{OURS}: idle ≤ 2 statements/s", _values(found, OURS, "idle_statements"), lambda v: v <= 2)
    ask("two clusters ÷ one, drain ≥ 1", ratios(found, "drain", TWO, OURS), lambda v: v >= 1)
    medians = [(goal, statistics.median(values), is_met) for goal, values, is_met in asked if values]
    return [(goal, middle, is_met(middle)) for goal, middle, is_met in medians]


def _values(found: Found, name: str, key: str) -> list[float]:
    return [each[key] for each in found.get(name, []) if key in each]


def _keys(found: Found) -> set[str]:
    return {key for rounds in found.values() for each in rounds for key in each}


def _missing(missing: dict[str, str]) -> str:
    if not missing:
        return ""
    return "Not compared: " + "; ".join(f"{name} ({why})" for name, why in missing.items()) + "."


def machine() -> str:
    """The processor, how many, memory and systems."""
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "")
    kb = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    cores = f"{os.cpu_count()} × {model or platform.machine()}"
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{cores}, {kb / 2**20:.0f} GB, {system}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
