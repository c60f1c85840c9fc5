"""Housekeeping of submissions."""

from django.utils.timezone import now

from ims.submissions import once
from scheduling import LOW, task


@task(queue=LOW, timeout=600, cron="50 3 * * *", unique=True)
def prune_submissions() -> int:
    """Forget the forms and requests that nobody sends again."""
    return once.prune(now())
