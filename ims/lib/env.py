"""Settings from the environment; a wrong value stops the start with a message that names it."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

ENV = environ.Env()


def text(name: str, default: str = "") -> str:
    return str(ENV.str(name, default=default)).strip()


def flag(name: str, default: bool = False) -> bool:
    """1, true, yes or on; 0, false, no, off or nothing."""
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r}: give 1 or 0.")


def number(name: str, default: int, *, minimum: int = 0, maximum: float = math.inf) -> int:
    return int(_number(name, default, minimum, int, "whole number", maximum))


def decimal(name: str, default: float, *, minimum: float = 0.0) -> float:
    return float(_number(name, default, minimum, float, "number"))


def names(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def lines(name: str, default: str = "") -> list[str]:
    """Lines of text, separated by |."""
    return [part.strip() for part in text(name, default).split("|") if part.strip()]


def exact(name: str, default: str, *, places: int, maximum: float = math.inf) -> Decimal:
    """Zero or more, kept exactly, with at most so many decimal places: prices and rates."""
    _number(name, float(default), 0, float, "number", maximum)
    value = Decimal(text(name, default) or default)
    if value != round(value, places):
        raise ImproperlyConfigured(f"{name}={value}: give at most {places} decimal places.")
    return value


def zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ImproperlyConfigured(
            f"{name}={value!r}: give the name of a time zone, e.g. Asia/Kolkata."
        ) from error
    return value


def database(name: str, default: str) -> dict[str, Any]:
    """Settings of SQLite in a file or of PostgreSQL. The value may hold a password and is not repeated."""
    try:
        with warnings.catch_warnings(action="ignore"):  # it would repeat the value
            found: dict[str, Any] = ENV.db(name, default=default)
    except ValueError:
        found = {}
    kind = str(found.get("ENGINE", "")).rpartition(".")[2]
    if kind not in {"sqlite3", "postgresql"} or found["NAME"] in {"", ":memory:"}:
        raise ImproperlyConfigured(
            f"{name}: give sqlite:///path/to/file or postgres://user:password@host:port/name."
        )
    return found


def address(name: str, default: str) -> str:
    """The beginning of web addresses, without a slash at its end."""
    value = text(name, default).rstrip("/")
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ImproperlyConfigured(f"{name}={value!r}: give an address, e.g. https://ims.example.com")
    return value


def _number(
    name: str,
    default: float,
    minimum: float,
    read: Callable[[str], float],
    kind: str,
    maximum: float = math.inf,
) -> float:
    value = text(name, str(default)) or str(default)
    try:
        result = read(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: give a {kind}.") from error
    if not math.isfinite(result):
        raise ImproperlyConfigured(f"{name}={value!r}: give a {kind}.")
    if result < minimum:
        raise ImproperlyConfigured(f"{name}={value!r}: give {minimum} or more.")
    if result > maximum:
        raise ImproperlyConfigured(f"{name}={value!r}: give {maximum} or less.")
    return result
