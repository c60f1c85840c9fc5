"""What tasks of several modules share: how often they are tried again, and the clock that schedules keep."""

from django.conf import settings

from logistics.billing import mails
from logistics.notifications import services as notifications
from scheduling import Retry

ZONE = settings.OPERATIONS_TIME_ZONE
PUSH = Retry(attempts=notifications.MOST_TRIES, delay=10, factor=3, max_delay=600)
MAIL = Retry(attempts=mails.MOST_TRIES, delay=60, factor=3, max_delay=4 * 3600)
