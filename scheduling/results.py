"""Record what workers send back: only what is ours to record, and through outages of the database.

Django Q2's monitor saves a result before it acknowledges the job, hides an error of the first and dies of one
in the second. So it takes the results from a Recorder and acknowledges to it.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections
from django.utils import timezone
from django_q.models import Task as FinishedTask
from django_q.monitor import monitor

from scheduling import claims
from scheduling.broker import DatabaseBroker

logger = logging.getLogger(__name__)

OUTAGE_PAUSE = 1.0  # seconds between attempts to save a result while the database does not answer


def record_all(queue: Any) -> None:
    """Record results until the queue says STOP; one that cannot be saved is tried until it can."""
    recorder = Recorder(queue)
    while True:
        try:
            monitor(recorder, recorder)
        except (DatabaseError, InterfaceError) as error:
            logger.error("A result waits for the database: %s", error)
            connections.close_all()
            recorder.again = True
            time.sleep(OUTAGE_PAUSE)
        else:
            return


class Recorder(DatabaseBroker):
    """Django Q2's monitor takes results from it as from a queue and acknowledges to it as to a broker."""

    def __init__(self, queue: Any) -> None:
        super().__init__()
        self.queue = queue
        self.current: Any = None
        self.again = False  # the current result could not be saved
        self.had_errors = False

    def get(self) -> Any:
        """The next result that is ours to record, or the current one again."""
        if not self.again:
            self.current = self.queue.get()
            while self.current != "STOP" and not is_ours(self.current):
                self.current = self.queue.get()
        self.again = False
        self.had_errors = connection.errors_occurred
        return self.current if self.current == "STOP" else dict(self.current)

    def acknowledge(self, task_id: Any) -> None:
        if connection.errors_occurred and not self.had_errors:
            raise OperationalError("The result could not be saved.")  # the monitor has logged why
        attempt = self.current.get("attempt", 1)
        if attempt > 1:
            FinishedTask.objects.filter(id=self.current["id"]).update(attempt_count=attempt)
        super().acknowledge(task_id)


def is_ours(package: dict[str, Any]) -> bool:
    """Whether a result may be recorded: the job has ended here, and no other cluster has taken it over."""
    if package.get("discard"):
        return False
    fence = package.get("ack_id")
    if not fence or timezone.now() < fence[1] - claims.RUN_MARGIN or claims.holds(fence):
        return True
    logger.warning("Job %s was taken over; what it returned here is not recorded.", package["id"])
    return False
