"""A full update of all due orders: planned in batches, one job each, with its progress."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils.timezone import now

from masterdata import parcels, slips
from masterdata.models import TrackingBatch, TrackingRun
from masterdata.updates import NO_KEY, NUMBERS_PER_QUERY, Result, update_now, update_slips
from scheduling import job

Plan = tuple[list[int], int]  # one batch: the ids of its slips, and how many numbers they have
KEPT = timedelta(days=30)
UNFINISHED = {"scheduled", "waiting", "running", "retrying"}
PAGE = 500  # slips read at once
STALLED_AFTER = timedelta(hours=2)  # without an end, a run's jobs were cancelled or lost


def due_batches() -> Iterator[Plan]:
    """The due slips in batches of up to 100 numbers; the numbers of one slip stay together."""
    ids: list[int] = []
    total = 0
    for slip_id, numbers in due_slips():
        if ids and total + numbers > NUMBERS_PER_QUERY:
            yield ids, total
            ids, total = [], 0
        ids.append(slip_id)
        total += numbers
    if ids:
        yield ids, total


def due_slips() -> Iterator[tuple[int, int]]:
    """Each due slip's id and how many numbers to ask for, read page by page so that memory stays flat."""
    due = slips.due().order_by("pk").prefetch_related("parcels")
    page = list(due[:PAGE])
    while page:
        last = page[-1].pk
        if slips.keep_parcels_of(page):
            page = list(due.filter(pk__in=[slip.pk for slip in page]))
        for slip in page:
            if numbers := sum(parcel.is_followed for parcel in slip.parcels.all()):
                yield slip.pk, numbers
        page = list(due.filter(pk__gt=last)[:PAGE])


def queued(job_id: str) -> TrackingRun:
    """Show a full update from the moment its job is queued."""
    return TrackingRun.objects.get_or_create(job_id=job_id)[0]


def plan() -> list[Plan]:
    """Look what is due, after giving up what was silent for too long."""
    parcels.give_up(now())
    return list(due_batches())


def begin(planned: list[Plan]) -> list[int]:
    """Note a full update with its batches; returns their ids, for one job each."""
    moment = now()
    with transaction.atomic():
        run = _waiting_run()
        batches = TrackingBatch.objects.bulk_create(
            TrackingBatch(run=run, slip_ids=ids, total=total) for ids, total in planned
        )
        run.started_at, run.finished_at = moment, None if planned else moment
        run.orders, run.total = sum(len(ids) for ids, _ in planned), sum(total for _, total in planned)
        run.save()
    TrackingRun.objects.filter(created_at__lt=moment - KEPT).delete()
    return [batch.pk for batch in batches]


def _waiting_run() -> TrackingRun:
    """The run that is shown since its job was queued, or a new one."""
    waiting = TrackingRun.objects.select_for_update().filter(started_at=None).first()
    return waiting or TrackingRun.objects.create()


def update_batch(batch_id: int) -> dict[str, Any]:
    """Update one batch and count it; whatever it raises is counted as failed until a retry succeeds."""
    batch = TrackingBatch.objects.get(pk=batch_id)
    try:
        results = update_slips(batch.slip_ids)
    except Exception as error:
        count(batch, failed=batch.total, error=str(error))
        raise
    totals = summary(results)
    numbers_failed = round(batch.total * (totals["failed"] + totals["skipped"]) / max(len(results), 1))
    count(batch, failed=numbers_failed, error=next(iter(totals["errors"]), ""))
    return totals


def count(batch: TrackingBatch, *, failed: int, error: str) -> None:
    """Note how a batch ended; the last one ends the run. A retry writes over its earlier attempt."""
    moment = now()
    TrackingBatch.objects.filter(pk=batch.pk).update(
        done=batch.total - failed, failed=failed, error=error[:500], finished_at=moment
    )
    unfinished = TrackingBatch.objects.filter(run=batch.run_id, finished_at=None)
    if not unfinished.exists():
        TrackingRun.objects.filter(pk=batch.run_id).update(finished_at=moment)


def summary(results: Iterable[Result]) -> dict[str, Any]:
    """Totals of many orders' results; an order without an answer for want of a key counts as skipped."""
    results = list(results)
    errors = Counter(result["error"] for result in results if not result["success"])
    without_key = errors.get(NO_KEY, 0)
    return {
        "success": True,
        "total": len(results),
        "updated": sum(result["success"] and not result.get("skipped") for result in results),
        "delivered": sum(result.get("is_delivered", False) for result in results),
        "skipped": without_key + sum(result.get("skipped", False) for result in results),
        "failed": errors.total() - without_key,
        "errors": dict(errors.most_common(20)),
    }


def update_everything() -> dict[str, Any]:
    """Update all due orders here and now, without jobs."""
    results = [result for slip_ids, _ in plan() for result in update_now(slip_ids)]
    return summary(results)


@dataclass(frozen=True)
class Progress:
    """How far a run is, for people."""

    run: TrackingRun
    done: int
    failed: int
    error: str

    @property
    def answered(self) -> int:
        return self.done + self.failed

    @property
    def percent(self) -> int:
        return 100 * self.answered // self.run.total if self.run.total else 0

    @property
    def version(self) -> str:
        """Changes whenever there is something new to show."""
        return f"{self.run.pk}-{self.done}-{self.failed}-{self.stage}-{self.is_stalled}"

    @property
    def stage(self) -> str:
        if self.run.started_at is None:
            return "Waiting for a worker"
        return "Finished" if self.run.finished_at else "Asking Track123"

    @property
    def is_running(self) -> bool:
        return self.run.finished_at is None and not self.is_stalled

    @property
    def is_stalled(self) -> bool:
        since = self.run.started_at or self.run.created_at
        return self.run.finished_at is None and now() - since > STALLED_AFTER


def latest_progress() -> Progress | None:
    """The newest run that has begun or will begin."""
    for run in TrackingRun.objects.all()[:5]:
        if run.started_at or (run.job_id and job(run.job_id).state in UNFINISHED):
            return progress_of(run)
    return None


def progress_of(run: TrackingRun) -> Progress:
    sums = run.batches.aggregate(done=Sum("done", default=0), failed=Sum("failed", default=0))
    error = run.batches.exclude(error="").values_list("error", flat=True).first()
    return Progress(run, sums["done"], sums["failed"], error or "")
