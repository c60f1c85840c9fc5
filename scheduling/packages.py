"""The signed package that travels in OrmQ.payload: Django Q2's task dict, made and read in one place."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.signing import BadSignature
from django.utils import timezone
from django_q import core_signing
from django_q.conf import Conf
from django_q.humanhash import DEFAULT_WORDLIST
from django_q.signing import PickleSerializer
from django_q.utils import get_func_repr

from scheduling import declaration
from scheduling.declaration import DeclaredTask
from scheduling.text import printable

Package = dict[str, Any]

CHAIN_OPTIONS = ("group", "cached", "sync")  # Django Q2's monitor takes them for granted beside a chain
SMALL = 1000  # bytes; to compress fewer costs more time than it saves room
NAME_LENGTH = 100  # of a name or group in Django Q2's history


class Unreadable(ValueError):
    """A payload that no known SECRET_KEY signed, or that cannot be unpacked."""


def build(declared: DeclaredTask[Any, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Package:
    """A package for one call. Raises TypeError where the call cannot work or its arguments are not JSON."""
    declared.signature.bind(*args, **kwargs)
    for position, value in enumerate(args):
        check_json(value, f"{declared.name}: argument {position + 1}")
    for name, value in kwargs.items():
        check_json(value, f"{declared.name}: argument {name!r}")
    job_id = uuid4()
    return complete(
        {
            "id": job_id.hex,
            "name": "-".join(DEFAULT_WORDLIST[byte] for byte in job_id.bytes[:4]),  # for people
            "func": declared.path,
            "args": args,
            "kwargs": dict(kwargs),
            "started": timezone.now(),
        }
    )


def complete(package: Package) -> Package:
    """Check a package, from us or from Django Q2's async_task, and give it what its task declares."""
    declared = resolve(package)
    if package.get("timeout") is None:
        package["timeout"] = declared.timeout
    package.setdefault("save", declared.keep is not None)
    if package.get("chain"):
        for option in CHAIN_OPTIONS:
            package.setdefault(option, None)
    _check_options(package)
    package["allowed"] = package["timeout"]  # the worker takes "timeout" out before the job's lease is set
    return package


def resolve(package: Package) -> DeclaredTask[Any, Any]:
    """Check a package and write its function and hook as dotted paths, however they were given."""
    declared = check(package)
    package["func"] = declared.path
    if package.get("hook"):
        package["hook"] = path_of(package["hook"])
    return declared


def check(package: Package) -> DeclaredTask[Any, Any]:
    """The declared task a package calls; raises Undeclared for it, its hook or chain. Imports nothing."""
    declared = declaration.find(path_of(package["func"]))
    declaration.check_hook(path_of(package.get("hook")))
    for step in package.get("chain") or ():
        function, *arguments = step if isinstance(step, tuple) else (step,)
        declaration.find(path_of(function))
        if len(arguments) > 1:
            declaration.check_hook(path_of(arguments[1].get("hook")))
    return declared


def check_before_enqueue(task: Package, **_: object) -> None:
    """Receiver of pre_enqueue: whatever way a package is made, what it calls is declared."""
    resolve(task)


def path_of(function: object) -> str:
    """The dotted path of a function, a declared task or a path; empty for None."""
    return function.path if isinstance(function, DeclaredTask) else str(get_func_repr(function) or "")


def dumps(package: Package) -> str:
    packed = pickle.dumps(package, pickle.HIGHEST_PROTOCOL)
    return str(_signer(Conf.SECRET_KEY).sign_object(packed, Packed, compress=len(packed) > SMALL))


def loads(payload: str) -> Package:
    """Read a payload signed with SECRET_KEY or one of SECRET_KEY_FALLBACKS."""
    for key in (Conf.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            package = _signer(key).unsign_object(payload, serializer=PickleSerializer)
        except BadSignature:
            continue
        except Exception as error:
            raise Unreadable(f"The payload is signed but cannot be unpacked: {error!r}") from error
        if isinstance(package, dict) and {"id", "func", "args", "kwargs"} <= package.keys():
            return package
        raise Unreadable("The payload is signed but is not a task package.")
    raise Unreadable("No known SECRET_KEY signed this payload. Put the old key into SECRET_KEY_FALLBACKS.")


class Packed:
    """A serializer for what is packed already."""

    def dumps(self, packed: bytes) -> bytes:
        return packed


@cache
def _signer(key: str) -> Any:
    """The signer that Django Q2 takes, made once: it would make one for every package."""
    return core_signing.TimestampSigner(key=key, salt=Conf.PREFIX)


def _check_options(package: Package) -> None:
    """Refuse here what would otherwise fail when the result is saved."""
    for option in ("name", "group"):
        text = str(package.get(option) or "")
        if len(text) > NAME_LENGTH:
            raise ValueError(f"{option}: {text!r} is longer than {NAME_LENGTH} characters.")
        if text != printable(text):
            raise ValueError(f"{option}: {text!r} holds characters that no database can store.")
    if type(package["timeout"]) is not int or package["timeout"] < 1:
        raise ValueError(f"timeout={package['timeout']!r}: give whole seconds, 1 or more.")


def check_json(value: object, where: str) -> None:
    """Arguments are JSON values: what a person can read in a job's row and any version can load."""
    if value is None or isinstance(value, str | bool | int):
        return
    if isinstance(value, float) and math.isfinite(value):
        return
    if isinstance(value, list):
        for item in value:
            check_json(item, where)
        return
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        for item in value.values():
            check_json(item, where)
        return
    raise TypeError(
        f"{where} is {type(value).__name__}, not a JSON value. Give ids, texts, numbers, true, false, null,"
        " lists and objects of these; a Decimal or a date as text."
    )
