"""The text of a spreadsheet cell."""

import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal

WHOLE = re.compile(r"-?[0-9]{1,400}")
ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")  # how .xlsx writes characters that XML cannot hold


def number_text(text: str) -> str:
    """The value of a numeric cell: whole numbers without .0, no exponent, no rounding to a display format."""
    try:
        value = float(text)
    except ValueError:
        return text.strip()
    if not math.isfinite(value):
        return text.strip()
    if WHOLE.fullmatch(text.strip()):
        return str(int(text))  # more digits than a float holds survive
    if value.is_integer():
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def date_text(value: datetime | date | time | timedelta) -> str:
    """ISO 8601; a date at midnight is the date alone, a duration is hours:minutes:seconds."""
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        sign = "-" if seconds < 0 else ""
        hours, rest = divmod(abs(seconds), 3600)
        return f"{sign}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return value.isoformat()


def unescaped(text: str) -> str:
    """Without .xlsx's escapes; control characters that no database should hold are dropped."""
    return ESCAPE.sub(_character, text) if "_x" in text else text


def escaped(text: str) -> str:
    """The reverse: a text that looks like an escape stays text, a carriage return survives XML."""
    text = re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text)
    return text.replace("\r", "_x000D_")


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    if 0xD800 <= code <= 0xDFFF:
        return match[0]  # half a character
    return chr(code) if code >= 0x20 or chr(code) in "\t\n\r" else ""
