"""Syncs that people can watch: each is a row that tells how far it is and what it found."""

import time
from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from licensing import sync
from licensing.balances import day_in_india
from licensing.models import SyncRun
from licensing.report import Report
from scheduling import cancelled, job, progress

STAGE = "Working out licences"
TOLD_EVERY = 0.5  # seconds
KEPT = timedelta(days=90)
STALLED_AFTER = timedelta(hours=1)  # longer than its job may take


def run_all(run_id: int | None = None) -> dict[str, str]:
    """Sync all licences; the answer is what the history keeps: status, output, timestamp, perhaps error."""
    run = (SyncRun.objects.filter(pk=run_id).first() if run_id else None) or SyncRun()
    begin(run)
    report = sync.sync(day_in_india(now()), dry=run.is_dry, tell=Watch(run).tell, stop=cancelled)
    end(run, report)
    answer = {"status": "success", "output": report.output, "timestamp": now().isoformat()}
    return {**answer, "status": "error", "error": report.error} if report.failed else answer


def begin(run: SyncRun) -> None:
    SyncRun.objects.filter(created_at__lt=now() - KEPT).delete()
    run.started_at, run.finished_at, run.done = now(), None, 0
    run.save()


def end(run: SyncRun, report: Report) -> None:
    run.finished_at, run.done, run.total = now(), report.checked, max(report.checked, report.total)
    run.report = report.as_json()
    run.save(update_fields=["finished_at", "done", "total", "report"])


class Watch:
    """Tells the job's progress and the run's, a few times a second at most."""

    def __init__(self, run: SyncRun) -> None:
        self.run = run
        self.told = -TOLD_EVERY

    def tell(self, done: int, total: int) -> None:
        if done < total and time.monotonic() - self.told < TOLD_EVERY:
            return
        self.told = time.monotonic()
        progress(done, total, STAGE)
        SyncRun.objects.filter(pk=self.run.pk).update(done=done, total=total)


def latest() -> SyncRun | None:
    return SyncRun.objects.select_related("user").first()


def stage_of(run: SyncRun | None) -> dict[str, Any]:
    """stage: none, waiting, running, stalled or done; with percent while it runs."""
    if run is None:
        return {"stage": "none"}
    if run.finished_at:
        return {"stage": "done"}
    if run.job_id and (handle := job(run.job_id)).is_lost:
        return {"stage": "stalled", "error": last_line(handle.error)}
    if (run.started_at or run.created_at) < now() - STALLED_AFTER:
        return {"stage": "stalled", "error": ""}
    if not run.started_at:
        return {"stage": "waiting", "percent": None}
    return {"stage": "running", "percent": 100 * run.done // run.total if run.total else None}


def last_line(error: str | None) -> str:
    return (error or "").strip().rpartition("\n")[2]
