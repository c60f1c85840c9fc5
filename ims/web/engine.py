"""The engine's card on the home page."""

from django.utils.translation import gettext_lazy as _

from ims.accounts.models import User
from ims.web.registry import Figure, HomeCard
from scheduling import overview, roles


def summary(user: User) -> list[Figure]:
    """What waits, runs and failed, and whether any cluster is there to run it."""
    seen = overview.look()
    alive, unserved = len(seen.alive), len(seen.unserved)
    waiting, running, retrying, failed = map(seen.total, ("waiting", "running", "retrying", "failed"))
    lines = (
        [] if not alive or not unserved else [Figure(str(_("Queues without a cluster")), unserved, "fail")]
    )
    return [
        Figure(str(_("Clusters alive")), alive or str(_("none")), "ok" if alive else "fail"),
        *lines,
        Figure(str(_("Waiting")), waiting),
        Figure(str(_("Running")), running, "run" if running else ""),
        Figure(str(_("Retrying")), retrying, "retry" if retrying else ""),
        Figure(str(_("Failed, 24 h")), failed, "fail" if failed else ""),
    ]


CARD = HomeCard(_("Jobs"), "activity", "console:overview", roles.LOOK, summary=summary)
