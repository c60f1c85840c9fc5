"""What tasks of several modules share: how often they are tried again, and the clock that schedules keep."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist

from ims.notices.letters import LetterError
from logistics.billing import mails
from logistics.notifications import services as notifications
from scheduling import Retry

GONE = (ObjectDoesNotExist,)  # a row that was deleted does not come back
ZONE = settings.OPERATIONS_TIME_ZONE
PUSH = Retry(attempts=notifications.MOST_TRIES, delay=10, factor=3, max_delay=600, permanent=GONE)
MAIL = Retry(attempts=mails.MOST_TRIES, delay=60, factor=3, max_delay=4 * 3600, permanent=GONE)


def go_all_ways(*ways: Callable[[], object]) -> None:
    """Tell somebody in every way, also where one fails: a mail server that is down leaves no phone silent.

    What failed is raised in the end, first what another try may mend, so that the job comes back for it.
    """
    failures: list[notifications.NotDelivered | LetterError] = []
    for way in ways:
        try:
            way()
        except (notifications.NotDelivered, LetterError) as failure:
            failures.append(failure)
    if failures:
        raise min(failures, key=lambda failure: failure.permanent)
