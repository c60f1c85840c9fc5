"""From a claimed row to the package that a worker runs; what may not run ends here, with its reason."""

from __future__ import annotations

import logging
from datetime import timedelta

from django_q.conf import Conf

from scheduling import claims, endings, packages
from scheduling.claims import Claimed
from scheduling.exceptions import Undeclared

logger = logging.getLogger("django-q")

UNREADABLE_PAUSE = timedelta(minutes=10)


def admit(job: Claimed) -> packages.Package | None:
    """The package of a job that may run; None where it failed or was set aside. Imports nothing for it."""
    try:
        package = packages.loads(job.payload)
    except packages.Unreadable as error:
        logger.error("Job %s is kept but cannot run: %s", job.job_id or job.pk, error)
        claims.set_aside(job.fence, UNREADABLE_PAUSE)
        return None
    try:
        packages.complete(package)
    except (Undeclared, ValueError) as error:
        endings.refuse(job.fence, str(error))
        return None
    package["cluster"] = Conf.CLUSTER_NAME
    package["ack_id"] = job.fence
    package["slot"] = job.due if job.has_slot else None
    return package
