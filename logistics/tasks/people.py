"""Messages to one person: whatever one is to be told, the welcome, the driver's trips of the day."""

from uuid import uuid4

from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib import logs
from ims.lib.local_time import local_day
from logistics.fleet.models import Driver, DriverStatus
from logistics.notifications import services as notifications
from logistics.tasks.policy import PUSH, ZONE
from logistics.trips import mail, queries
from logistics.trips import messages as trip_messages
from scheduling import LOW, task


@task(queue=LOW, timeout=60, retries=PUSH, name="users.send_notification")
def send_notification(user_id: int, notification_type: str, message: str) -> int:
    """Tell one person something, at the bell and on the phone; returns the devices reached."""
    job = (logs.context.get() or {}).get("job") or uuid4().hex
    told = trip_messages.plain(notification_type, message, f"user:{user_id}:{job}")
    return notifications.tell(User.objects.filter(pk=user_id), told)


@task(queue=LOW, timeout=60, retries=PUSH, name="users.send_welcome_email")
def send_welcome_email(user_id: int) -> bool:
    """Send a new person the link by which to choose a password, once."""
    return mail.welcome(User.objects.get(pk=user_id))


@task(queue=LOW, timeout=60, cron="30 5 * * *", tz=ZONE, unique=True)
def send_daily_digests() -> int:
    """Each morning: one job for each driver; returns how many."""
    drivers = Driver.objects.filter(status=DriverStatus.ACTIVE).values_list("user", flat=True)
    return len(send_daily_digest.enqueue_many([{"user_id": pk} for pk in drivers]))


@task(queue=LOW, timeout=60, retries=PUSH, name="users.send_daily_digest")
def send_daily_digest(user_id: int) -> bool:
    """Send a driver the trips of today, once a day; nothing where there are none."""
    day = local_day(now())
    return mail.digest(User.objects.get(pk=user_id), day, queries.of_driver(user_id, day))
