"""What cannot be counted afterwards is written down while it is so: how long queues are, how large tables."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max, QuerySet

from scheduling import overview
from scheduling.operation_models import QueueSample, TableSize
from scheduling.rollups import HOURS_KEPT, MINUTES_KEPT

TABLES = 12  # the largest ones
YEAR = timedelta(days=366)
POSTGRESQL_SIZES = """
    SELECT relname, pg_total_relation_size(oid), GREATEST(reltuples, 0)::bigint FROM pg_class
    WHERE relkind IN ('r', 'm') AND relnamespace = current_schema()::regnamespace
    ORDER BY 2 DESC LIMIT %s"""
SQLITE_SIZES = """
    SELECT tbl_name, SUM(pgsize), 0 FROM dbstat JOIN sqlite_master USING (name)
    WHERE aggregate = TRUE GROUP BY tbl_name ORDER BY 2 DESC LIMIT %s"""


def take(now: datetime) -> None:
    """One sample of each queue a minute, one of the tables an hour; taken twice, the first one stays."""
    minute = now.replace(second=0, microsecond=0)
    seen = overview.look()
    QueueSample.objects.bulk_create(
        (
            QueueSample(
                at=minute,
                queue=queue.name,
                waiting=queue.waiting,
                running=queue.running,
                oldest_seconds=(seen.now - queue.oldest_at).total_seconds() if queue.oldest_at else 0,
            )
            for queue in seen.queues
        ),
        ignore_conflicts=True,
    )
    hour = minute.replace(minute=0)
    if not TableSize.objects.filter(at=hour).exists():
        rows = [TableSize(at=hour, name=name, size=size, rows=rows) for name, size, rows in _measure()]
        TableSize.objects.bulk_create(rows, ignore_conflicts=True)


def sizes() -> list[TableSize]:
    """The newest sizes, the largest first."""
    newest = TableSize.objects.aggregate(at=Max("at"))["at"]
    return list(TableSize.objects.filter(at=newest).order_by("-size", "name"))


def prune(now: datetime) -> int:
    """Samples of each minute are kept for two days, then the longest of each hour for over a month."""
    old = QueueSample.objects.filter(at__lt=now - HOURS_KEPT).delete()[0]
    old += TableSize.objects.filter(at__lt=now - YEAR).delete()[0]
    return old + _thin_out(QueueSample.objects.filter(at__lt=now - MINUTES_KEPT))


def _thin_out(samples: QuerySet[QueueSample]) -> int:
    longest: dict[tuple[datetime, str], QueueSample] = {}
    for sample in samples.order_by("at").iterator():
        hour = (sample.at.replace(minute=0), sample.queue)
        kept = longest.setdefault(hour, sample)
        if (sample.waiting, sample.oldest_seconds) > (kept.waiting, kept.oldest_seconds):
            longest[hour] = sample
    return samples.exclude(pk__in=[sample.pk for sample in longest.values()]).delete()[0]


def _measure() -> list[tuple[str, int, int]]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_SIZES, [TABLES])
            return list(cursor.fetchall())
        if not _has_dbstat():
            return []
        cursor.execute(SQLITE_SIZES, [TABLES])
        found = cursor.fetchall()
        return [(name, size, _rows_of(name)) for name, size, _ in found]


def _has_dbstat() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'")
        return cursor.fetchone() is not None


def _rows_of(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(name)}")  # noqa: S608 - from the catalogue
        return int(cursor.fetchone()[0])
