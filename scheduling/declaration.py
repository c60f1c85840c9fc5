"""Declare a task in one place: name, queue, timeout, retries and cadence stand above the function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from django.conf import settings

from scheduling import cadence
from scheduling.exceptions import BadDeclaration, Undeclared
from scheduling.retry import Retry

if TYPE_CHECKING:
    from scheduling.cadence import Cadence
    from scheduling.jobs import Job

P = ParamSpec("P")
R = TypeVar("R")

HIGH, NORMAL, LOW = QUEUES = settings.QUEUES  # in order of urgency
RATE_PERIODS = {"s": 1, "m": 60, "h": 3600}  # seconds


class DeclaredTask(Generic[P, R]):
    """A function that jobs may run. Calling it runs it here; `enqueue` runs it in a cluster."""

    def __init__(
        self,
        function: Callable[P, R],
        *,
        queue: str,
        timeout: int,
        soft_timeout: float | None,
        retries: Retry,
        cadence: Cadence | None,
        unique: bool,
        rate: str | None,
        keep: timedelta | None,
        name: str,
        sensitive: tuple[str, ...],
        by_hand: bool,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.path = path_of(function)
        self.signature = inspect.signature(function)
        self.queue = queue
        self.timeout = timeout
        self.soft_timeout = soft_timeout
        self.retries = retries
        self.cadence = cadence
        self.unique = unique
        self.rate = rate
        self.keep = keep
        self.name = name
        self.sensitive = sensitive
        self.by_hand = by_hand

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        from scheduling.execution import run

        return run(self, args, kwargs)  # type: ignore[return-value]  # None: a job that is not ours

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job:
        """Queue one job. Inside a transaction it is queued when, and only if, that commits."""
        from scheduling.enqueue import enqueue

        return enqueue(self, args, kwargs)

    delay = enqueue

    def enqueue_at(self, when: datetime, *args: P.args, **kwargs: P.kwargs) -> Job:
        """Queue one job that starts at `when` (timezone-aware) or later."""
        from scheduling.enqueue import enqueue

        if when.tzinfo is None:
            raise ValueError(f"enqueue_at({when}): give a time with its zone.")
        return enqueue(self, args, kwargs, due=when)

    def enqueue_many(self, jobs: list[dict[str, Any]]) -> list[Job]:
        """Queue one job for each set of keyword arguments, in few statements."""
        from scheduling.enqueue import enqueue_many

        return enqueue_many(self, jobs)

    def __reduce__(self) -> str:
        return self.function.__qualname__  # pickled by reference, like the function it wraps

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    def __str__(self) -> str:
        return self.path  # in Django Q2's log


def path_of(function: Callable[..., Any]) -> str:
    """Where workers find it. A package `tasks` counts as one module, so that tasks may move inside of it."""
    package, inside, _ = function.__module__.partition(".tasks.")
    module = f"{package}.tasks" if inside else package
    return f"{module}.{function.__qualname__}"


_tasks: dict[str, DeclaredTask[Any, Any]] = {}  # by dotted path
_hooks: set[str] = set()  # dotted paths


def task(
    *,
    queue: str = NORMAL,
    timeout: int = 90,
    soft_timeout: float | None = None,
    retries: Retry = Retry(),  # noqa: B008 - frozen
    every: timedelta | None = None,
    cron: str | None = None,
    tz: str = "UTC",
    unique: bool = False,
    rate: str | None = None,
    keep: timedelta | None = timedelta(days=30),
    name: str | None = None,
    schedule: str | None = None,
    sensitive: tuple[str, ...] = (),
    by_hand: bool = True,
) -> Callable[[Callable[P, R]], DeclaredTask[P, R]]:
    """Declare a task.

    timeout, soft_timeout: seconds; at soft_timeout SoftTimeout is raised inside, at timeout the worker is
    ended. every (whole minutes) or cron (in `tz`): the cadence, under the public name `schedule`. unique: a
    job with the same arguments that has not finished takes the place of a new one. rate: starts over all
    clusters, e.g. "5/s", "100/m". keep: how long the result of a success is kept; None keeps none.
    sensitive: names of arguments that are masked wherever people look. by_hand: whether operators may
    enqueue it with arguments of their own; not one that reads a file by its path.
    """

    def declare(function: Callable[P, R]) -> DeclaredTask[P, R]:
        where = f"@task on {function.__module__}.{function.__qualname__}"
        public = name or f"{function.__module__.split('.')[0]}.{function.__name__}"
        _check_limits(where, queue, timeout, soft_timeout, keep)
        rate_per_second(rate, where)
        declared = DeclaredTask(
            function,
            queue=queue,
            timeout=timeout,
            soft_timeout=soft_timeout,
            retries=retries,
            cadence=cadence.declare(where, schedule or function.__name__, every, cron, tz),
            unique=unique,
            rate=rate,
            keep=keep,
            name=public,
            sensitive=sensitive,
            by_hand=by_hand,
        )
        unknown = set(sensitive) - set(declared.signature.parameters)
        if unknown:
            raise BadDeclaration(f"{where}: sensitive names {sorted(unknown)}, which are not its parameters.")
        _register(where, declared)
        return declared

    return declare


def hook(function: Callable[P, R]) -> Callable[P, R]:
    """Declare a function that Django Q2 may call with the finished Task (option `hook`)."""
    _hooks.add(f"{function.__module__}.{function.__qualname__}")
    return function


def tasks() -> list[DeclaredTask[Any, Any]]:
    return list(_tasks.values())


def find(path_or_name: str) -> DeclaredTask[Any, Any]:
    """The task with this dotted path or public name; nothing is imported."""
    if path_or_name in _tasks:
        return _tasks[path_or_name]
    for declared in _tasks.values():
        if declared.name == path_or_name:
            return declared
    raise Undeclared(f"{path_or_name!r} is not a declared task. Declare it with @task in a tasks.py.")


def name_of(path: str) -> str:
    """The public name of the task with this dotted path; the path itself where none is declared."""
    return _tasks[path].name if path in _tasks else path


def check_hook(path: str | None) -> None:
    if path and path not in _hooks:
        raise Undeclared(f"{path!r} is not a declared hook. Declare it with @hook.")


def scheduled() -> dict[str, DeclaredTask[Any, Any]]:
    """Declared tasks with a cadence, by the public name of their schedule."""
    return {declared.cadence.name: declared for declared in _tasks.values() if declared.cadence}


def rate_per_second(rate: str | None, where: str = "rate") -> float | None:
    """ "5/s" → 5.0, "90/m" → 1.5."""
    if rate is None:
        return None
    count, _, period = rate.partition("/")
    if not count.isdigit() or int(count) == 0 or period not in RATE_PERIODS:
        raise BadDeclaration(f'{where}: rate={rate!r}; give for example "5/s", "100/m" or "1000/h".')
    return int(count) / RATE_PERIODS[period]


def _check_limits(
    where: str, queue: str, timeout: int, soft_timeout: float | None, keep: timedelta | None
) -> None:
    if queue not in QUEUES:
        raise BadDeclaration(f"{where}: queue={queue!r}; the queues are {', '.join(QUEUES)}.")
    if type(timeout) is not int or timeout < 1:
        raise BadDeclaration(f"{where}: timeout={timeout!r}; give whole seconds, 1 or more.")
    if soft_timeout is not None and not 0 < soft_timeout < timeout:
        raise BadDeclaration(
            f"{where}: soft_timeout={soft_timeout!r} must lie between 0 and timeout={timeout}."
        )
    if keep is not None and keep <= timedelta():
        raise BadDeclaration(f"{where}: keep={keep!r}; give a time above zero, or None to keep no successes.")


def _register(where: str, declared: DeclaredTask[Any, Any]) -> None:
    if "<locals>" in declared.path:
        raise BadDeclaration(
            f"{where}: a worker cannot import a function inside a function; move it to a module."
        )
    for other in _tasks.values():
        if other.path == declared.path and other.function.__module__ == declared.function.__module__:
            continue  # the module was loaded again
        if other.path == declared.path:
            raise BadDeclaration(f"{where}: {other.function.__module__} declares {declared.path!r} already.")
        if other.name == declared.name:
            raise BadDeclaration(f"{where}: the name {declared.name!r} is taken by {other.path}.")
        if other.cadence and declared.cadence and other.cadence.name == declared.cadence.name:
            raise BadDeclaration(f"{where}: the schedule {declared.cadence.name!r} is taken by {other.path}.")
    if declared.cadence:
        _check_callable_by_schedule(where, declared)
    _tasks[declared.path] = declared


def _check_callable_by_schedule(where: str, declared: DeclaredTask[Any, Any]) -> None:
    try:
        declared.signature.bind()
    except TypeError as error:
        raise BadDeclaration(
            f"{where}: its schedule calls it without arguments ({error}); give each parameter a default."
        ) from None
