"""Housekeeping of uploads."""

from django.utils.timezone import now

from ims.uploads import upkeep
from scheduling import LOW, Retry, task


@task(queue=LOW, timeout=600, cron="20 3 * * *", unique=True, retries=Retry(attempts=4, delay=60))
def sweep_uploads() -> int:
    """Remove files of papers and sheets that no row names any more, left behind by a process that died."""
    return upkeep.sweep(now())
