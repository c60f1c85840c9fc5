"""What a task logs while an attempt runs: its last lines, kept beside the result for the job's page.

They are written with the end of the attempt, so an attempt whose worker was killed leaves none here; all of
them are in the log itself. A task that logs nothing costs no row, no statement and no byte.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from scheduling.models import JobLog
from scheduling.text import printable

LINES = 100  # of an attempt, its last ones
LENGTH = 1_000  # characters of a line

_formatter = logging.Formatter()


class Lines:
    """The lines of one attempt. `hide` takes the values of sensitive arguments out."""

    def __init__(self, hide: Callable[[object], str]) -> None:
        self.hide = hide
        self.last: deque[tuple[str, str, str, str]] = deque(maxlen=LINES)
        self.count = 0

    def add(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += f"\n{_formatter.formatException(record.exc_info)}"
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        # A trace of an error says what it was at its end.
        text = printable(self.hide(text))
        text = text if len(text) <= LENGTH else f"{text[: LENGTH // 2]} … {text[-LENGTH // 2 :]}"
        self.last.append((at, record.levelname, record.name, text))
        self.count += 1

    @property
    def left_out(self) -> int:
        return self.count - len(self.last)


def keep(job_id: str, attempt: int, lines: Lines | None) -> None:
    """Write the lines of an attempt that has ended, if there are any."""
    if lines:
        row = JobLog(job_id=job_id, attempt=attempt, left_out=lines.left_out, lines=list(lines.last))
        JobLog.objects.bulk_create([row], ignore_conflicts=True)
