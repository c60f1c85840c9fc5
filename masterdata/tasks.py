"""Background jobs of this system: tracking updates, and the demo's orders where DEBUG is on."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from ims.imports import uploads
from ims.lib.local_time import local_day
from masterdata import alerts, bulk, digest, imports, runs, updates
from masterdata.models import SlipImport
from scheduling import LOW, NORMAL, Retry, progress, task


@task(
    queue=NORMAL, timeout=600, every=timedelta(minutes=720), schedule="tracking_status_updater", unique=True
)
def update_all_pending_orders() -> dict[str, int]:
    """Plan the update of every due order: one job for each batch of up to 100 numbers."""
    planned = runs.plan()
    with transaction.atomic():  # a run without its jobs would never end
        batch_ids = runs.begin(planned)
        update_batch.enqueue_many([{"batch_id": batch_id} for batch_id in batch_ids])
    return {"batches": len(batch_ids)}


@task(queue=NORMAL, timeout=180, soft_timeout=150, retries=Retry(attempts=6, delay=30))
def update_batch(batch_id: int) -> dict[str, Any]:
    """Ask Track123 about one batch; only a passing error of Track123 is retried."""
    return runs.update_batch(batch_id)


@task(queue=NORMAL, timeout=120, retries=Retry(attempts=6, delay=30), unique=True)
def register_parcels(packing_slip_id: int) -> int:
    """Tell Track123 of a packing slip's new numbers."""
    return updates.register_slips([packing_slip_id])


@task(queue=NORMAL, timeout=120, retries=Retry(attempts=6, delay=30))
def register_many(slip_ids: list[int]) -> int:
    """Tell Track123 of the new numbers of many packing slips."""
    return updates.register_slips(slip_ids)


@task(queue=NORMAL, timeout=180, soft_timeout=150, retries=Retry(attempts=6, delay=30))
def update_many(slip_ids: list[int]) -> dict[str, Any]:
    """Ask Track123 about up to a hundred chosen packing slips."""
    return runs.summary(updates.update_slips(slip_ids))


@task(queue=NORMAL, timeout=900, retries=Retry(attempts=3, delay=10))
def change_many(change: str, slip_ids: list[int], courier: str = "") -> int:
    """Do one change to many packing slips; returns how many it changed."""
    done = 0
    for start in range(0, len(slip_ids), bulk.PORTION):
        done += change_now(change, slip_ids[start : start + bulk.PORTION], courier)
        progress(min(start + bulk.PORTION, len(slip_ids)), len(slip_ids), "Changing shipments")
    return done


def change_now(change: str, slip_ids: list[int], courier: str = "") -> int:
    """As the job does it, here and now; a new courier and what follows of it commit together."""
    with transaction.atomic():
        changed = bulk.change(change, slip_ids, courier)
        if change == "courier":
            register_in_lots(changed)
    return len(changed)


def register_in_lots(slip_ids: list[int]) -> None:
    lots = [slip_ids[start : start + 100] for start in range(0, len(slip_ids), 100)]
    register_many.enqueue_many([{"slip_ids": lot} for lot in lots])


@task(queue=NORMAL, timeout=900, retries=Retry(attempts=3, delay=10), unique=True)
def import_packing_slips(import_id: int, rows: int) -> int:
    """Write a confirmed spreadsheet of so many rows; returns how many it had."""
    return write_import(import_id, lambda done: progress(done, rows, "Writing rows"))


def write_import(import_id: int, tell: Callable[[int], None] = lambda done: None) -> int:
    """As the job does it, here and now; what follows of a batch is queued in its transaction."""
    report = imports.write(import_id, tell, changed=register_in_lots)
    return report.total if report else 0


@task(queue=LOW, timeout=300, every=timedelta(days=1), schedule="prune_imports", unique=True)
def prune_imports() -> int:
    """Remove uploaded spreadsheets that nobody confirmed within a day, and old ones with their reports."""
    return uploads.prune(SlipImport, now())


@task(queue=NORMAL, timeout=120, retries=Retry(attempts=5, delay=30), unique=True)
def update_packing_slip(packing_slip_id: int) -> list[updates.Result]:
    """Ask Track123 about one packing slip."""
    return updates.update_slips([packing_slip_id])


@task(queue=NORMAL, timeout=120, retries=Retry(attempts=5, delay=30), unique=True)
def update_number(number: str) -> list[updates.Result]:
    """Ask Track123 about a parcel that a webhook told of; webhooks that come meanwhile make no more jobs."""
    return updates.update_number(number)


@task(queue=LOW, timeout=300, every=timedelta(hours=1), schedule="tracking_quiet_alerts", unique=True)
def tell_quiet_parcels() -> int:
    """Tell operations of parcels that have stopped moving."""
    return alerts.tell_quiet(now())


@task(
    queue=LOW,
    timeout=120,
    cron=f"0 {settings.TRACKING_DIGEST_HOUR} * * *",
    tz=settings.OPERATIONS_TIME_ZONE,
    schedule="tracking_digest",
    unique=True,
)
def send_tracking_digest() -> int:
    """Queue today's e-mail of what needs attention: one job for each person."""
    day = local_day(now())
    jobs = [{"user_id": user.pk, "day": day.isoformat()} for user in digest.readers(day)]
    send_tracking_digest_to.enqueue_many(jobs)
    return len(jobs)


@task(queue=LOW, timeout=90, retries=Retry(attempts=6, delay=60), unique=True)
def send_tracking_digest_to(user_id: int, day: str) -> bool:
    """Send one person's digest; only what the mail server refused for now is retried."""
    return digest.send(user_id, date.fromisoformat(day), now())


if settings.DEBUG:
    from masterdata import demo

    @task(queue=LOW, timeout=60, every=timedelta(minutes=5), unique=True)
    def ship_demo_orders() -> dict[str, int]:
        """Keep a demo alive: ship a few new orders, remove the oldest."""
        shipped = demo.ship_orders()
        for slip_id in shipped:
            register_parcels.enqueue(slip_id)
        return {"shipped": len(shipped)}
