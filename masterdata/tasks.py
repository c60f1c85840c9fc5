"""Background jobs of this system: tracking updates, and the demo's orders where DEBUG is on."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from masterdata import runs, updates
from scheduling import LOW, NORMAL, Retry, task


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


@task(queue=NORMAL, timeout=120, retries=Retry(attempts=5, delay=30), unique=True)
def update_packing_slip(packing_slip_id: int) -> list[updates.Result]:
    """Ask Track123 about one packing slip."""
    return updates.update_slips([packing_slip_id])


@task(queue=NORMAL, timeout=120, retries=Retry(attempts=5, delay=30), unique=True)
def update_number(number: str) -> list[updates.Result]:
    """Ask Track123 about a parcel that a webhook told of; webhooks that come meanwhile make no more jobs."""
    return updates.update_number(number)


if settings.DEBUG:
    from masterdata import demo

    @task(queue=LOW, timeout=60, every=timedelta(minutes=5), unique=True)
    def ship_demo_orders() -> dict[str, int]:
        """Keep a demo alive: ship a few new orders, remove the oldest."""
        shipped = demo.ship_orders()
        for slip_id in shipped:
            register_parcels.enqueue(slip_id)
        return {"shipped": len(shipped)}
