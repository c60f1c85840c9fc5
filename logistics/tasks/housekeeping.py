"""What is over is closed, what is old goes; and the demo's minute, where DEBUG is on."""

from datetime import timedelta

from django.conf import settings
from django.utils.timezone import now

from logistics.dispatch import tokens
from logistics.fleet import shifts
from logistics.notifications import services as notifications
from logistics.tasks.policy import ZONE
from scheduling import LOW, task


@task(queue=LOW, timeout=60, cron="*/15 * * * *", tz=ZONE, unique=True)
def close_tokens_and_shifts() -> dict[str, int]:
    """Close the queue tokens of days that are over, from midnight on, and shifts that have ended."""
    moment = now()
    return {"tokens": tokens.expire(moment), "shifts": shifts.expire(moment)}


@task(queue=LOW, timeout=600, cron="50 3 * * *", unique=True)
def prune_notifications() -> int:
    """Delete the records of pushes and e-mails older than 90 days."""
    return notifications.prune(now())


if settings.DEBUG:

    @task(queue=LOW, timeout=50, every=timedelta(minutes=1), unique=True)
    def live_demo_dispatch() -> dict[str, int]:
        """Keep a demo alive: its drivers answer and drive on, its stations sell and ask for gas."""
        from logistics import demo_life  # above this module, as whatever uses its tasks

        return demo_life.live()
