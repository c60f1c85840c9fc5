"""Housekeeping of notices."""

from django.utils.timezone import now

from ims.notices import letters, services
from scheduling import LOW, task


@task(queue=LOW, timeout=600, cron="40 3 * * *", unique=True)
def prune_notices() -> int:
    """Delete what people were told more than 90 days ago."""
    return services.prune(now())


@task(queue=LOW, timeout=60, cron="20 * * * *", unique=True)
def settle_letters() -> int:
    """Say of e-mails whose worker died while sending them that nobody knows whether they arrived."""
    return letters.doubt_all(now())
