"""Links for new passwords, and the housekeeping of notices."""

from django.utils.timezone import now

from ims.notices import forgotten, letters, services
from scheduling import LOW, NORMAL, Retry, task


@task(queue=NORMAL, timeout=60, retries=Retry(attempts=5, delay=20), unique=True, sensitive=("address",))
def send_reset_links(address: str) -> int:
    """Mail a link for a new password to who has this address; nothing where nobody has."""
    return forgotten.send(address, now())


def ask_for_link(address: str) -> None:
    send_reset_links.enqueue(address=address)


@task(queue=LOW, timeout=600, cron="40 3 * * *", unique=True)
def prune_notices() -> int:
    """Delete what people were told more than 90 days ago."""
    return services.prune(now())


@task(queue=LOW, timeout=60, cron="20 * * * *", unique=True)
def settle_letters() -> int:
    """Say of e-mails whose worker died while sending them that nobody knows whether they arrived."""
    return letters.doubt_all(now())
