"""Background jobs of licences."""

from datetime import date, timedelta

from django.db import transaction
from django.utils.timezone import now

from ims.accounts.models import User
from ims.imports import uploads
from ims.lib.locks import one_at_a_time
from licensing import importing, reminders, runs, sync
from licensing.balances import day_in_india
from licensing.models import SheetImport, SyncRun
from scheduling import LOW, NORMAL, Retry, progress, task

SYNC_LOCK = 0x4C494353  # so that two clicks begin one sync


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


def queue_sync(user: User | None, *, dry: bool = False) -> SyncRun:
    """Begin a sync that people can watch, or return the one that is under way."""
    with transaction.atomic():
        one_at_a_time(SYNC_LOCK)
        latest = runs.latest()
        if latest and runs.stage_of(latest)["stage"] in ("waiting", "running"):
            return latest
        run = SyncRun.objects.create(user=user, is_dry=dry)
        run.job_id = sync_all_licenses.enqueue(run_id=run.pk).id
        run.save(update_fields=["job_id"])
    return run


@task(queue=NORMAL, timeout=900, retries=Retry(attempts=3, delay=10), unique=True)
def import_sheet(import_id: int, rows: int) -> int:
    """Write a confirmed spreadsheet of so many rows."""
    return importing.write(import_id, lambda done: progress(done, rows, "Writing rows"))


@task(queue=LOW, timeout=300, every=timedelta(days=1), schedule="prune_licence_imports", unique=True)
def prune_imports() -> int:
    """Remove uploaded spreadsheets that nobody confirmed within a day, and old ones with their reports."""
    return uploads.prune(SheetImport, now())


@task(queue=LOW, timeout=300, cron="0 8 * * *", tz="Asia/Kolkata", schedule="licence_reminders", unique=True)
def send_licence_reminders() -> int:
    """Tell of licences that expire soon or run low: at the bell now, and by an e-mail to each manager."""
    today = day_in_india(now())
    reminders.tell(today)
    jobs = [{"user_id": user.pk, "day": today.isoformat()} for user in reminders.readers(today)]
    send_licence_reminders_to.enqueue_many(jobs)
    return len(jobs)


@task(queue=LOW, timeout=90, retries=Retry(attempts=6, delay=60), unique=True)
def send_licence_reminders_to(user_id: int, day: str) -> bool:
    """Send one person's e-mail; only what the mail server refused for now is retried."""
    return reminders.send(user_id, date.fromisoformat(day))
