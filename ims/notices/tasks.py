"""Housekeeping of notices."""

from django.utils.timezone import now

from ims.notices import services
from scheduling import LOW, task


@task(queue=LOW, timeout=600, cron="40 3 * * *", unique=True)
def prune_notices() -> int:
    """Delete what people were told more than 90 days ago."""
    return services.prune(now())
