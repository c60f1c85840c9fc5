"""Enqueue a declared task by hand: the fields that its signature asks for, and their values."""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from inspect import Parameter
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from django.db import transaction

from ims.lib import audit
from scheduling import declaration
from scheduling.declaration import DeclaredTask
from scheduling.enqueue import enqueue
from scheduling.exceptions import Undeclared
from scheduling.jobs import Job
from scheduling.masking import masked

if TYPE_CHECKING:
    from scheduling.schedules import Who

KINDS: dict[Any, str] = {
    bool: "yes or no",
    int: "whole number",
    float: "number",
    str: "text",
    Decimal: "decimal number",
    datetime: "time with its zone",
    date: "date",
    list: "JSON list",
    dict: "JSON object",
}
ANY = "JSON value"
CHOICE = "choice"
NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


class BadArguments(ValueError):
    """What was given cannot be used: a message for each field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {words}" for name, words in errors.items()))
        self.errors = errors


@dataclass(frozen=True)
class Field:
    """One argument. `kind`: one of the words above; what is left empty takes its default."""

    name: str
    kind: str
    is_required: bool
    may_be_none: bool
    default: Any
    is_sensitive: bool
    choices: tuple[Any, ...] = ()

    @property
    def default_text(self) -> str:
        return "" if self.is_required or self.default is None else as_text(self.default)


def offered() -> list[DeclaredTask[Any, Any]]:
    """The tasks that people may enqueue: all but the engine's own and those that say no, by name."""
    return sorted((each for each in declaration.tasks() if may_be_launched(each)), key=lambda each: each.name)


def find(name: str) -> DeclaredTask[Any, Any]:
    """Raises Undeclared."""
    task = declaration.find(name)
    if not may_be_launched(task):
        raise Undeclared(f"{name} is enqueued by code alone, and not by hand.")
    return task


def may_be_launched(task: DeclaredTask[Any, Any]) -> bool:
    needed = [each for each in task.signature.parameters.values() if each.default is Parameter.empty]
    can_be_named = all(
        each.kind in (*NAMED, Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD) for each in needed
    )
    return can_be_named and task.by_hand and not task.path.startswith("scheduling.")


def fields(task: DeclaredTask[Any, Any]) -> list[Field]:
    try:
        hints = get_type_hints(task.function)
    except (NameError, TypeError):
        hints = {}  # imported for type checkers alone
    return [
        _field(each, hints.get(each.name), each.name in task.sensitive)
        for each in task.signature.parameters.values()
        if each.kind in NAMED
    ]


def describe(task: DeclaredTask[Any, Any]) -> dict[str, Any]:
    """For people. (A page is never given the task itself: templates call what can be called.)"""
    return {
        "name": task.name,
        "queue": task.queue,
        "timeout": task.timeout,
        "attempts": task.retries.attempts,
        "help": (task.__doc__ or "").strip().partition("\n")[0],
        "arguments": fields(task),
    }


def read(task: DeclaredTask[Any, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, from texts of a form or values of JSON. Raises BadArguments with every fault."""
    wanted = {each.name: each for each in fields(task)}
    errors = {name: f"{task.name} has no such argument." for name in given if name not in wanted}
    arguments: dict[str, Any] = {}
    for name, field in wanted.items():
        value = given.get(name)
        if value is None or (value == "" and not (field.kind == KINDS[str] and field.is_required)):
            is_none = field.is_required or (value is None and name in given)
            if field.may_be_none and is_none:
                arguments[name] = None
            elif field.is_required:
                errors[name] = f"give a {field.kind}."
            continue
        try:
            arguments[name] = _read(field, value)
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise BadArguments(errors)
    return arguments


def launch(
    task: DeclaredTask[Any, Any], arguments: dict[str, Any], *, at: datetime | None = None, user: Who = None
) -> Job:
    """Queue one job with these arguments. Raises BadArguments."""
    try:
        with transaction.atomic():
            job = enqueue(task, (), arguments, due=at)
            _, shown = masked(task.path, (), arguments)
            audit.record("job.enqueue", f"job:{job.id}", user, after={"task": task.name, **shown})
    except TypeError as error:
        raise BadArguments({"arguments": str(error)}) from error
    return job


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _field(parameter: Parameter, hint: Any, is_sensitive: bool) -> Field:
    is_required = parameter.default is Parameter.empty
    may_be_none = not is_required and parameter.default is None
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [each for each in get_args(hint) if each is not type(None)]
        may_be_none = may_be_none or len(kinds) < len(get_args(hint))
        hint = kinds[0] if len(kinds) == 1 else None
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    if hint is None and not is_required and parameter.default is not None:
        hint = type(parameter.default)
    kind = CHOICE if choices else KINDS.get(get_origin(hint) or hint, ANY)
    default = None if is_required else parameter.default
    return Field(parameter.name, kind, is_required, may_be_none, default, is_sensitive, choices)


def _read(field: Field, value: Any) -> Any:
    """Raises ValueError with the cure."""
    if field.kind == CHOICE:
        found = [each for each in field.choices if value in (each, str(each))]
        if not found:
            raise ValueError(f"give one of {', '.join(map(str, field.choices))}.")
        return found[0]
    readers: dict[str, Callable[[Any], Any]] = {
        KINDS[bool]: _bool, KINDS[int]: _int, KINDS[float]: _float, KINDS[str]: _str, KINDS[list]: _list,
        KINDS[Decimal]: _decimal, KINDS[datetime]: _datetime, KINDS[date]: _date, KINDS[dict]: _dict,
    }  # fmt: skip
    return readers.get(field.kind, _any)(value)


def _bool(value: Any) -> bool:
    if value in (True, False) and isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "yes", "1", "on", "false", "no", "0", "off"):
        return str(value).lower() in ("true", "yes", "1", "on")
    raise ValueError("give true or false.")


def _int(value: Any) -> int:
    text = str(value).strip()
    digits = text.removeprefix("-")
    if isinstance(value, bool | float) or not (digits.isascii() and digits.isdigit() and len(digits) < 4000):
        raise ValueError("give a whole number, e.g. 12.")
    return int(text)


def _float(value: Any) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("give a number, e.g. 1.5.")
    return number


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("give a text.")
    return value


def _decimal(value: Any) -> str:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError("give a decimal number, e.g. 12.50.")
    return str(number)


def _datetime(value: Any) -> str:
    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("give a time with its zone, e.g. 2026-11-22T09:30+05:30.")
    return moment.isoformat()


def _date(value: Any) -> str:
    try:
        return date.fromisoformat(str(value).strip()).isoformat()
    except ValueError:
        raise ValueError("give a date, e.g. 2026-11-22.") from None


def _list(value: Any) -> Any:
    return _json_of(list, 'a JSON list, e.g. ["a", "b"]', value)


def _dict(value: Any) -> Any:
    return _json_of(dict, 'a JSON object, e.g. {"a": 1}', value)


def _any(value: Any) -> Any:
    """Words that are no JSON are a text, unless they begin as JSON does."""
    is_json = not isinstance(value, str) or value.lstrip()[:1] in ("[", "{", '"')
    try:
        return _json_of(object, "a JSON value or plain words", value)
    except ValueError:
        if is_json:
            raise
        return value


def _json_of(kind: type, words: str, value: Any) -> Any:
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        raise ValueError(f"give {words}; at character {error.pos + 1}: {error.msg}.") from None
    except (ValueError, RecursionError):
        raise ValueError(f"give {words}; this is nested too deeply, or a number is too long.") from None
    if not isinstance(found, kind):
        raise ValueError(f"give {words}.")
    return found
