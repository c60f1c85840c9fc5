"""Results of plain successes, recorded and acknowledged in batches: one transaction, fenced job by job."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import DataError, IntegrityError, connection, transaction
from django_q.signals import post_execute
from picklefield.fields import dbsafe_encode

from scheduling import endings
from scheduling.claims import Fence
from scheduling.endings import Outcome
from scheduling.models import JobLog
from scheduling.packages import Package

logger = logging.getLogger("django-q")

# What PostgreSQL is told of each value of a row: its column in the history, and its type.
COLUMNS = {
    "id": "text", "name": "text", "func": "text", "args": "text", "kwargs": "text", "result": "text",
    "group": "text", "cluster": "text", "started": "timestamptz", "stopped": "timestamptz",
    "success": "bool", "attempt_count": "int",
}  # fmt: skip
BATCH_LENGTH = 32_000_000  # characters of a batch of several results
LOG = """,
        logged AS (
            INSERT INTO scheduling_joblog (job_id, attempt, left_out, lines, written_at)
            SELECT id, attempt, left_out, lines, stopped FROM ended
            WHERE lines IS NOT NULL AND pk IN (SELECT gone_pk FROM gone)
            ON CONFLICT DO NOTHING
        )"""
NAMES = ", ".join(f'"{name}"' for name in COLUMNS)


class Result(NamedTuple):
    """A success that only has to be written down. `row` is None where its task keeps none."""

    pk: int
    attempt: int
    row: tuple[Any, ...] | None
    label: tuple[str, str]  # the function and the name, for the log
    log: tuple[int, list[Any]] | None = (
        None  # lines left out, and the last lines; None where nothing was logged
    )


def of(package: Package, outcome: Outcome) -> Result | None:
    """The result of a plain success; None where more must follow than a row: endings.conclude does that."""
    fence = outcome.fence
    special = outcome.error or outcome.cancelled or outcome.postponed_until or fence is None
    follows = package.get("hook") or package.get("chain") or package.get("cached") or post_execute.receivers
    if special or follows or fence is None:
        return None
    label = (package["func"], package["name"])
    if not package["save"] and fence.attempt == 1:
        return Result(fence.pk, fence.attempt, None, label)
    kept = (package["id"], package["name"], package["func"])
    values = (_encode(package["args"]), _encode(package["kwargs"]), _encode(package["result"]))
    place = (package.get("group"), package.get("cluster"))
    times = (outcome.started_at, package["stopped"])
    log = (outcome.lines.left_out, list(outcome.lines.last)) if outcome.lines else None
    return Result(fence.pk, fence.attempt, (*kept, *values, *place, *times, True, fence.attempt), label, log)


def batch(results: Sequence[Result], most: int) -> Sequence[Result]:
    """The first results, as many as one statement takes; at least one."""
    size = 0
    for count, result in enumerate(results[:most]):
        size += sum(len(value) for value in result.row or () if isinstance(value, str))
        size += sum(len(line[-1]) for line in result.log[1]) if result.log else 0
        if count and size > BATCH_LENGTH:
            return results[:count]
    return results[:most]


def write_down(holder: int, batch: Sequence[Result]) -> None:
    """Record, and log what became of each. A result that the database refuses spoils no other."""
    try:
        ours = record(holder, batch)
    except (DataError, IntegrityError) as error:
        if len(batch) == 1:
            fence = Fence(batch[0].pk, holder, batch[0].attempt)
            endings.lost(fence, f"its result cannot be stored: {error}", pause=True)
            return
        for result in batch:
            write_down(holder, [result])
        return
    for result in batch:
        if result.pk in ours:
            logger.info("Processed '%s' (%s)", *result.label)
        else:
            logger.warning("'%s' (%s) was taken over; its result here is not recorded.", *result.label)


def record(holder: int, results: Sequence[Result]) -> set[int]:
    """Acknowledge and write; returns the rows that were ours. The others were taken over."""
    if not results:
        return set()
    return (
        _record_postgresql(holder, results)
        if connection.vendor == "postgresql"
        else _record_sqlite(holder, results)
    )


def _record_postgresql(holder: int, results: Sequence[Result]) -> set[int]:
    """One statement; the results travel as one JSON value, a third of the cost of arrays."""
    told = {"pk": "bigint", "attempt": "int", "keep": "bool", **COLUMNS, "left_out": "int", "lines": "jsonb"}
    columns = ", ".join(f'"{name}" {kind}' for name, kind in told.items())
    statement = f"""
        WITH ended AS MATERIALIZED (
            SELECT * FROM json_to_recordset(%s) AS e ({columns})
        ),
        gone (gone_pk, due_at) AS (
            DELETE FROM django_q_ormq AS job USING ended
            WHERE job.id = ended.pk AND job.holder = %s AND job.attempts = ended.attempt
            RETURNING job.id, job.lock
        ),
        kept AS (
            INSERT INTO django_q_task ({NAMES}, due_at)
            SELECT {NAMES}, due_at FROM ended JOIN gone ON gone_pk = pk WHERE keep
            ON CONFLICT (id) DO NOTHING
        ){LOG if any(result.log for result in results) else ""}
        SELECT gone_pk FROM gone"""  # noqa: S608 - constants
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps([_as_json(result) for result in results], default=str), holder])
        return {pk for (pk,) in cursor.fetchall()}


def _as_json(result: Result) -> dict[str, Any]:
    kept = dict(zip(COLUMNS, result.row, strict=True)) if result.row else {}
    log = {"left_out": result.log[0], "lines": result.log[1]} if result.log else {}
    return {"pk": result.pk, "attempt": result.attempt, "keep": bool(result.row), **kept, **log}


def _record_sqlite(holder: int, results: Sequence[Result]) -> set[int]:
    marks = ", ".join(["(%s, %s)"] * len(results))
    pairs = [value for result in results for value in (result.pk, result.attempt)]
    places = ", ".join(["%s"] * len(COLUMNS))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_q_ormq WHERE holder = %s AND (id, attempts) IN"  # noqa: S608 - constants
            f" (VALUES {marks}) RETURNING id, lock",
            [holder, *pairs],
        )
        ours = dict(cursor.fetchall())  # when each was due, as the table has it
        rows = [(*result.row, ours[result.pk]) for result in results if result.row and result.pk in ours]
        cursor.executemany(
            f"INSERT OR IGNORE INTO django_q_task ({NAMES}, due_at) VALUES ({places}, %s)",  # noqa: S608 - constants
            [tuple(_adapted(value) for value in row) for row in rows],
        )
        if any(result.log for result in results):
            _keep_logs([result for result in results if result.pk in ours])
    return set(ours)


def _keep_logs(results: Sequence[Result]) -> None:
    JobLog.objects.bulk_create(
        (
            JobLog(job_id=result.row[0], attempt=result.attempt, left_out=result.log[0], lines=result.log[1])
            for result in results
            if result.row and result.log
        ),
        ignore_conflicts=True,
    )


def _adapted(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if hasattr(value, "tzinfo") else value


def _encode(value: Any) -> str | None:
    """As Django Q2's model does it, without its deep copy."""
    return None if value is None else str(dbsafe_encode(value, pickle_protocol=5, copy=False))
