"""One row of Django Q2's Schedule table, read as Django Q2 reads it: what it calls, and when it runs next."""

from __future__ import annotations

import ast
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast

from django_q.conf import Conf
from django_q.models import Schedule

from scheduling import declaration, packages
from scheduling.cadence import check_cron, cron_after, interval_after
from scheduling.declaration import QUEUES, DeclaredTask
from scheduling.exceptions import Undeclared

# Names among a row's keyword arguments that Django Q2 takes for options of the job. Of its list we leave out
# `broker`, which no text can name, and `sync`: a cluster's supervisor runs no jobs itself.
OPTIONS = (
    "hook", "group", "save", "cached", "ack_failure", "iter_count", "iter_cached", "chain", "cluster",
    "broker_name", "timeout", "task_name",
)  # fmt: skip
SHOWN = 80  # characters of what cannot be read
MOST_MISSED = 10_000  # days, weeks or months since next_run through which a row is followed
NOT_A_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


class Malformed(ValueError):
    """A Schedule row cannot run; names the field and the cure."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


def fault(row: Schedule, now: datetime, tz: str | None = None) -> Malformed | None:
    """Why a row cannot run, seen before it is due; `tz` is given for declared ones, which hold no call."""
    if row.next_run is None:
        return Malformed("next_run", "it is empty; give the time of the next run.")
    try:
        if tz is None:
            read_call(row)
        run_after(row, max(row.next_run, now), tz)
    except Malformed as error:
        return error
    return None


def read_call(row: Schedule) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments and keyword arguments for async_task, `q_options` among them. Raises Malformed."""
    try:
        task = declaration.find(row.func)
    except Undeclared as error:
        raise Malformed("func", str(error)) from None
    args = _arguments(row.args)
    kwargs = _keywords(row.kwargs)
    options = _options(row, kwargs)
    if row.intended_date_kwarg:
        kwargs[row.intended_date_kwarg] = row.next_run.isoformat()
    _check_arguments(row, task, args, kwargs)
    _check_options(row, task, options)
    return args, {**kwargs, "q_options": options}


def run_after(row: Schedule, moment: datetime, tz: str | None = None) -> datetime | None:
    """The first time in the row's rhythm after `moment`, which is not before its next_run.

    None where it runs once. Cron is read in `tz`, that of the declaration, or in Django Q2's own `time_zone`.
    Raises Malformed.
    """
    try:
        return _step(row, moment, tz or Conf.TIME_ZONE)
    except Malformed:
        raise
    except (OverflowError, ValueError):
        raise Malformed(
            "next_run", f"after {row.next_run} the calendar ends; give an earlier time."
        ) from None


def restart(row: Schedule, now: datetime) -> datetime:
    """The next run of a row whose rhythm was changed at `now`: one period later, or as its cron says."""
    anew = Schedule(schedule_type=row.schedule_type, minutes=row.minutes, cron=row.cron, next_run=now)
    return run_after(anew, now) or cast(datetime, row.next_run)


def group_of(row: Schedule) -> str:
    """The group of a row's jobs in the history, by which Django Q2 finds them."""
    return row.name or str(row.pk)


def interval_minutes(row: Schedule) -> int | None:
    """Minutes between two runs; None for a cron, days, months, or a single run."""
    return {Schedule.MINUTES: row.minutes or 1, Schedule.HOURLY: 60}.get(row.schedule_type)


def cron_of(row: Schedule) -> str | None:
    """Its cron; what stands there for a row of another type means nothing."""
    return row.cron if row.schedule_type == Schedule.CRON else None


def next_runs(row: Schedule, now: datetime, count: int, tz: str | None = None) -> list[datetime]:
    """When a row runs next, in its order; the first may be overdue. As far as it can be read."""
    runs: list[datetime] = []
    run = row.next_run
    left = row.repeats if row.repeats >= 0 else count
    with suppress(Malformed):
        while run and len(runs) < min(count, left):
            runs.append(run)
            run = run_after(row, max(run, now), tz)
    return runs


def _step(row: Schedule, moment: datetime, tz: str) -> datetime | None:
    match row.schedule_type:
        case Schedule.ONCE:
            return None
        case Schedule.CRON:
            try:
                check_cron(row.cron or "")
                return cron_after(row.cron, tz, moment)
            except ValueError as error:
                raise Malformed("cron", str(error)) from None
        case Schedule.MINUTES:
            return interval_after(row.next_run, timedelta(minutes=row.minutes or 1), moment)
        case Schedule.HOURLY:
            return interval_after(row.next_run, timedelta(hours=1), moment)
        case other if other in dict(Schedule.TYPE):
            return _calendar_after(row, moment)
    raise Malformed("schedule_type", f"{row.schedule_type!r} is none of Django Q2's types.")


def _calendar_after(row: Schedule, moment: datetime) -> datetime:
    """By days or months, as Django Q2 counts them."""
    run = row.next_run
    for _ in range(MOST_MISSED):
        run = row.calculate_next_run(run)
        if run > moment:
            return cast(datetime, run)
    raise Malformed("next_run", f"{row.next_run} lies too far back; give a newer time.")


def _arguments(text: str | None) -> tuple[Any, ...]:
    if not text:
        return ()
    try:
        args = ast.literal_eval(text)
    except NOT_A_LITERAL as error:
        raise Malformed(
            "args", f"{text[:SHOWN]!r} cannot be read ({error}); give for example 1, 2, 'John'."
        ) from None
    return args if isinstance(args, tuple) else (args,)


def _keywords(text: str | None) -> dict[str, Any]:
    """Read {"x": 1} or x=1."""
    if not text:
        return {}
    try:
        kwargs = _spelt_as_call(text) if not text.lstrip().startswith("{") else ast.literal_eval(text)
        if not (isinstance(kwargs, dict) and all(isinstance(name, str) for name in kwargs)):
            raise TypeError("no names")
    except NOT_A_LITERAL as error:
        raise Malformed(
            "kwargs", f"{text[:SHOWN]!r} cannot be read ({error}); give for example x=1, y='John'."
        ) from None
    return kwargs


def _spelt_as_call(text: str) -> dict[str, Any]:
    call = ast.parse(f"f({text}\n)", mode="eval").body
    named = {each.arg: ast.literal_eval(each.value) for each in getattr(call, "keywords", ())}
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args or None in named:
        raise ValueError("not only names with values")
    return cast(dict[str, Any], named)


def _options(row: Schedule, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Take the job's options out of the keyword arguments; the row's own fields come first."""
    given = kwargs.pop("q_options", {})
    if not isinstance(given, dict):
        raise Malformed("kwargs", f"q_options={given!r} is not a dict.")
    given = {**{name: kwargs.pop(name) for name in OPTIONS if name in kwargs}, **given}
    options = {name: value for name, value in given.items() if name in OPTIONS}
    options.setdefault("group", group_of(row))
    named = options.pop("broker_name", None)
    cluster = row.cluster or options.pop("cluster", None) or named
    if row.hook:
        options["hook"] = row.hook
    return {**options, "cluster": cluster} if cluster else options


def _check_arguments(
    row: Schedule, task: DeclaredTask[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    try:
        task.signature.bind(*args, **kwargs)
    except TypeError as error:
        named = row.intended_date_kwarg
        field = "intended_date_kwarg" if named and f"'{named}'" in str(error) else "args"
        raise Malformed(field, f"{task.name} cannot be called so: {error}.") from None


def _check_options(row: Schedule, task: DeclaredTask[Any, Any], options: dict[str, Any]) -> None:
    cluster = options.get("cluster")
    if cluster and cluster not in (*QUEUES, Conf.PREFIX):
        raise Malformed(
            "cluster",
            f"{cluster!r} is no queue. The queues are {', '.join(QUEUES)}; empty is the task's own.",
        )
    try:
        declaration.check_hook(options.get("hook"))
    except Undeclared as error:
        raise Malformed("hook", str(error)) from None
    try:
        packages.complete({"func": task.path, **options})
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise Malformed("kwargs", f"its options cannot be used: {error}") from None
