"""Arguments as people may see them: what a task declares as sensitive is hidden, everywhere the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter
from typing import Any

from scheduling import declaration
from scheduling.exceptions import Undeclared

MASK = "••••••"


def masked(
    path: str, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a job of the task with this path, in the same shape, with sensitive values hidden."""
    args, kwargs = tuple(args or ()), dict(kwargs or {})
    try:
        declared = declaration.find(path)
    except Undeclared:
        return args, kwargs
    kinds = {name: parameter.kind for name, parameter in declared.signature.parameters.items()}
    rest = next((name for name, kind in kinds.items() if kind is Parameter.VAR_POSITIONAL), "")
    others = next((name for name, kind in kinds.items() if kind is Parameter.VAR_KEYWORD), "")
    positions = [
        name
        for name, kind in kinds.items()
        if kind is Parameter.POSITIONAL_ONLY or kind is Parameter.POSITIONAL_OR_KEYWORD
    ]
    names = [*positions, *[rest] * len(args)]
    return (
        tuple(
            MASK if name in declared.sensitive else value for name, value in zip(names, args, strict=False)
        ),
        {
            name: MASK if (name if name in kinds else others) in declared.sensitive else value
            for name, value in kwargs.items()
        },
    )


def hider(path: str, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None) -> Callable[[object], str]:
    """What makes a text of anything said about a job, without the values of its sensitive arguments."""
    args, kwargs = tuple(args or ()), dict(kwargs or {})
    shown_args, shown_kwargs = masked(path, args, kwargs)
    given, shown = (*args, *kwargs.values()), (*shown_args, *shown_kwargs.values())
    hidden = [value for value, seen in zip(given, shown, strict=True) if seen is MASK]
    secrets = {text for value in hidden for text in _texts(value) if text}
    if not secrets:
        return str
    pattern = re.compile("|".join(map(re.escape, sorted(secrets, key=len, reverse=True))))
    return lambda said: pattern.sub(MASK, str(said))


def _texts(value: object) -> Iterator[str]:
    """How the texts and numbers in a JSON value may be written."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield from (value, repr(value)[1:-1], json.dumps(value)[1:-1])
    elif value is not None and not isinstance(value, bool):
        yield str(value)
