"""Background jobs of licences."""

from datetime import timedelta

from django.utils.timezone import now

from licensing import runs, sync
from licensing.balances import day_in_india
from scheduling import NORMAL, Retry, progress, task


@task(
    queue=NORMAL,
    timeout=1800,
    retries=Retry(attempts=3, delay=120),
    cron="0 0 * * *",
    tz="Asia/Kolkata",
    schedule="sync_all_licenses",
    unique=True,
)
def sync_all_licenses(run_id: int | None = None) -> dict[str, str]:
    """Work out every licence, at midnight in India: the day on which licences expire begins there."""
    return runs.run_all(run_id)


@task(queue=NORMAL, timeout=900, every=timedelta(minutes=5), schedule="recalculate_licences", unique=True)
def recalculate_stale() -> int:
    """Work out the licences that a large change has touched; the schedule catches what came at the end."""
    return sync.recalculate_stale(day_in_india(now()), lambda done, total: progress(done, total, runs.STAGE))
