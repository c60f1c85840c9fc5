"""Housekeeping of sign-ins."""

from django.utils.timezone import now

from ims.accounts import signed_in
from scheduling import LOW, task


@task(queue=LOW, timeout=600, cron="10 3 * * *", unique=True)
def prune_sign_ins() -> dict[str, int]:
    """Delete sessions and tokens that have expired, failed sign-ins that count no more, and old records."""
    return signed_in.prune(now())
