"""Arguments as people may see them: what a task declares as sensitive is hidden, everywhere the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
