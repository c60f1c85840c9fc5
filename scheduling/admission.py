"""From a claimed row to the package that a worker runs; what may not run here stays, or ends with why."""

from __future__ import annotations

import logging
from datetime import timedelta

from django_q.conf import Conf

from scheduling import claims, endings, packages, unknown_tasks
from scheduling.claims import Claimed
from scheduling.exceptions import Undeclared

logger = logging.getLogger("django-q")

UNREADABLE_PAUSE = timedelta(minutes=10)


def admit(job: Claimed) -> packages.Package | None:
    """The package of a job that may run; None where it stays or has failed. Imports nothing for it."""
    try:
        package = packages.loads(job.payload)
    except packages.Unreadable as error:
        logger.error("Job %s is kept but cannot run: %s", job.job_id or job.pk, error)
        claims.set_aside(job.fence, UNREADABLE_PAUSE)
        return None
    try:
        packages.complete(package)
    except Undeclared as error:
        unknown_tasks.lay_aside(job, str(error))
        return None
    except ValueError as error:
        endings.refuse(job.fence, str(error))
        return None
    package["cluster"] = Conf.CLUSTER_NAME
    package["ack_id"] = job.fence
    package["slot"] = job.due if job.has_slot else None
    return package
