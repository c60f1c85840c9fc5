"""After the load: vendors are well, people are gone, and whatever waits comes to its end."""

import time
from datetime import timedelta

from tests.load.house import House
from tests.load.samples import patiently

LONGEST = 240.0  # seconds until nothing is left to do
LONG_AGO = timedelta(minutes=10)


def settle(house: House, problems: list[str]) -> None:
    """Wait until no job is left; pauses between attempts, which may last for hours, are not waited for."""
    house.track123.heal()
    house.fcm.heal()
    house.smtp.faults.clear()
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        house.tend()
        if patiently(is_calm):
            return
        time.sleep(0.5)
    problems.append(f"jobs were left {LONGEST:g} s after the end")


def is_calm() -> bool:
    """As if the time had passed, jobs that wait for another attempt are due, once the others are done."""
    from django.db.models import Q
    from django.utils.timezone import now

    from scheduling.models import JobState, QueuedJob

    busy = Q(state__in=[JobState.RUNNING, JobState.WAITING]) | Q(state=JobState.SCHEDULED, lock__lte=now())
    if QueuedJob.objects.filter(busy).exists():
        return False
    if bury_senders():
        return False
    ends_of_offers = Q(state=JobState.SCHEDULED, lock__lte=now() + LONG_AGO)
    return not QueuedJob.objects.filter(Q(state=JobState.RETRYING) | ends_of_offers).update(lock=now())


def bury_senders() -> bool:
    """Letters whose worker was killed in mid-send are looked at again, as if the time had passed."""
    from django.utils.timezone import now

    from ims.notices.models import Letter, LetterState
    from ims.notices.tasks import settle_letters

    dying = Letter.objects.filter(state=LetterState.SENDING)
    dying.filter(updated_at__gt=now() - LONG_AGO).update(updated_at=now() - LONG_AGO)
    if orphans := dying.filter(is_kept=False).exists():
        settle_letters.enqueue()
    return orphans
