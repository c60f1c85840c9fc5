"""What a sitting found about draining a queue, as a picture for the README."""

from __future__ import annotations

import statistics
from html import escape
from typing import Any

WIDTH, ROW, LABEL, VALUE = 760, 30, 300, 80  # pixels
OURS = "IMS"
STYLE = """<style>
  text { font: 14px system-ui, sans-serif; fill: #3b424d }
  .bar { fill: #9aa4b2 } .ours { fill: #1f6feb }
  @media (prefers-color-scheme: dark) {
    text { fill: #c9d1d9 } .bar { fill: #6e7681 } .ours { fill: #58a6ff }
  }
</style>"""


def svg(found: dict[str, list[dict[str, Any]]]) -> str:
    """Jobs a second, the fastest first; medians."""
    rates = {name: statistics.median(each["drain"] for each in rounds) for name, rounds in found.items()}
    rows = sorted(rates.items(), key=lambda row: -row[1])
    most = max(rates.values(), default=1)
    title = "No-op jobs a second, results kept as the name says"
    parts = [f'<text x="0" y="18" font-weight="600">{title}</text>']
    for number, (name, rate) in enumerate(rows, start=1):
        length = max(1, round((WIDTH - LABEL - VALUE) * rate / most))
        kind = "bar ours" if name.startswith(OURS) else "bar"
        y = number * ROW
        parts += [
            f'<text x="0" y="{y + 17}">{escape(name)}</text>',
            f'<rect class="{kind}" x="{LABEL}" y="{y + 3}" width="{length}" height="{ROW - 10}" rx="3"/>',
            f'<text x="{LABEL + length + 8}" y="{y + 17}">{rate:,.0f}</text>',
        ]
    size = f'width="{WIDTH}" height="{(len(rows) + 1) * ROW}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">'
    return "\n".join([head, STYLE, *parts, "</svg>"]) + "\n"
