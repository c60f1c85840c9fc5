"""Keep every shipped order's tracking current: the public functions of this system.

`update_…` asks Track123 here and now; the others steer the schedule whose job does it in the background.
"""

from typing import Any

from django.db import transaction

from masterdata import runs
from masterdata.models import PackingSlip
from masterdata.updates import Result, update_now
from scheduling import Job, schedules

SCHEDULE = "tracking_status_updater"
DEFAULT_INTERVAL_MINUTES = 720


def update_single_order_tracking(packing_slip_id: int) -> Result:
    """Ask Track123 about one packing slip and say what changed; raises PackingSlip.DoesNotExist."""
    slip = PackingSlip.objects.get(pk=packing_slip_id)
    return update_now([slip.pk])[0]


def update_all_pending_orders() -> dict[str, Any]:
    """Update all due orders in this process and return the totals; one order's error never fails another."""
    return runs.update_everything()


def schedule_tracking_updates(interval_minutes: int = DEFAULT_INTERVAL_MINUTES) -> schedules.ScheduleStatus:
    """Run the update every so many minutes (1 to 32767) from now on; raises schedules.BadInterval."""
    return schedules.start(SCHEDULE, interval_minutes)


def trigger_immediate_update() -> Job:
    """Queue a full update now and return its job; the schedule keeps its next run."""
    with transaction.atomic():
        job = schedules.run_now(SCHEDULE)
        runs.queued(job.id)
    return job


def cancel_tracking_schedule() -> schedules.ScheduleStatus:
    """Stop the updates until somebody starts them again; a restart keeps them stopped."""
    return schedules.stop(SCHEDULE)
