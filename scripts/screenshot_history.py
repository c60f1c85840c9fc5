"""What a demo's clusters would have run in the last hours, for pictures of charts.

Only history is written, into the database of DATABASE_URL; the schedule `roll_up` counts it as any other.
"""

import os
import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

HOURS = 3
# Tasks, how many of them end in a minute, and how long most of them run and wait, in seconds.
WORK = (
    ("logistics.tasks.send_notification", 6, 0.03, 1.5),
    ("masterdata.tasks.update_packing_slip", 4, 0.09, 0.5),
    ("masterdata.tasks.update_batch", 2, 0.8, 0.9),
    ("logistics.tasks.notify_driver_trip_offer", 2, 0.12, 0.2),
    ("logistics.tasks.check_expired_driver_assignments", 1, 0.04, 0.1),
)
QUEUES = {"high_priority": 1, "normal": 4, "low_priority": 9}  # and how many of their jobs wait
REFUSED = "TrackingError: Track123 answered 503"
ONE_OF_FAILS = 90  # of those that ask Track123


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ims.settings")
    import django

    django.setup()
    from django.utils import timezone

    now = timezone.now().replace(second=0, microsecond=0)
    write(list(ends(now)))
    write_samples(now)


def ends(now: datetime) -> Iterator[tuple[str, datetime, datetime, datetime]]:
    """Task, when it was due, when it began, when it ended."""
    chance = random.Random(12)  # the same pictures each time
    for minute in range(HOURS * 60, 0, -1):
        busy = busyness(minute)
        for func, often, run, wait in WORK:
            for _ in range(round(often * busy * chance.uniform(0.6, 1.3))):
                began = now - timedelta(minutes=minute, seconds=-chance.uniform(0, 59))
                took, waited = (
                    chance.lognormvariate(0, 0.5) * run,
                    chance.lognormvariate(0, 0.7) * wait * busy,
                )
                yield func, began - timedelta(seconds=waited), began, began + timedelta(seconds=took)


def busyness(minute: int) -> float:
    return 1.6 if minute % 40 < 12 else 1.0


def write(rows: list[tuple[str, datetime, datetime, datetime]]) -> None:
    from django.db import connection, transaction

    from scheduling.models import Attempt

    stored = connection.ops.adapt_datetimefield_value
    with transaction.atomic(), connection.cursor() as cursor:
        for number, (func, due, began, ended) in enumerate(rows, 1):
            asks = func.startswith("masterdata.")
            job_id, success = uuid.UUID(int=number).hex, not asks or number % ONE_OF_FAILS != 0
            cursor.execute(
                "INSERT INTO django_q_task (id, name, func, due_at, started, stopped, success, attempt_count)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, 1)",
                [job_id, func.rpartition(".")[2], func, stored(due), stored(began), stored(ended), success],
            )
            if not success:
                Attempt.objects.create(
                    job_id=job_id, number=1, func=func, started_at=began, stopped_at=ended, error=REFUSED
                )


def write_samples(now: datetime) -> None:
    from scheduling.operation_models import QueueSample

    chance = random.Random(12)
    for minute in range(HOURS * 60, 0, -1):
        for queue, often in QUEUES.items():
            waiting = round(often * busyness(minute) ** 3 * chance.uniform(0, 1))
            QueueSample.objects.create(
                at=now - timedelta(minutes=minute),
                queue=queue,
                waiting=waiting,
                running=min(waiting, 4),
                oldest_seconds=waiting * chance.uniform(0.3, 0.8),
            )


if __name__ == "__main__":
    main()
