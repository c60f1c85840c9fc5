"""Background jobs of this system: price requests, the view of best offers, imports, housekeeping."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.timezone import now

from crossdock import actions, offers, runs, services, view
from ims.uploads import folder
from scheduling import LOW, NORMAL, Retry, progress, task


@task(queue=NORMAL, timeout=3600, soft_timeout=3500, retries=Retry(attempts=3, delay=5), by_hand=False)
def process_file_task(file_path: str, supplier_list: str, task_id: str) -> dict[str, Any]:
    """Price an uploaded spreadsheet; only errors of the database are tried again by themselves."""
    return runs.run(file_path, supplier_list, task_id)


@task(
    queue=NORMAL,
    timeout=900,
    every=timedelta(minutes=10),
    schedule="refresh_best_offers",
    unique=True,
    retries=Retry(attempts=3, delay=30),
)
def refresh_best_offers() -> dict[str, float]:
    """Make the view of best offers anew."""
    made = view.refresh()
    return {"rows": made.rows, "seconds": round(made.seconds, 2)}


@task(queue=NORMAL, timeout=3600, unique=True, retries=Retry(attempts=3, delay=30))
def import_offers(import_id: int) -> dict[str, int]:
    """Write an uploaded price list, then make the view of best offers anew."""
    report = offers.write(import_id, lambda done, total: progress(done, total, "Writing offers"))
    refresh_best_offers.enqueue()
    return report


@task(queue=LOW, timeout=120, every=timedelta(minutes=1), schedule="crossdock_lost", unique=True)
def recover_lost_requests() -> dict[str, int]:
    """Give requests of lost workers to others; none is running for ever."""
    return actions.recover(now())


@task(queue=LOW, timeout=600, every=timedelta(days=1), schedule="crossdock_prune", unique=True)
def prune_cross_dock() -> int:
    """Remove old uploads and results."""
    folder.expect()
    return services.prune(now()) + offers.prune(now())


if settings.DEBUG:
    from crossdock import demo

    @task(queue=LOW, timeout=120, every=timedelta(minutes=60), unique=True)
    def freshen_demo_offers() -> int:
        """Keep a demo alive: suppliers confirm their offers."""
        count = demo.freshen(now())
        refresh_best_offers.enqueue()
        return count
