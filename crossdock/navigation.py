"""This system's place in the rail and on the home page."""

from django.utils.translation import gettext_lazy as _

from crossdock import queries, rules
from ims.accounts.models import User
from ims.web import registry

TITLE, ICON, URL = _("Cross-dock"), "file-spreadsheet", "cross_dock:task_list"


def register() -> None:
    registry.add_nav(registry.NavItem(TITLE, ICON, URL, rules.LOOK, prefix="/cross-dock/"))
    registry.add_card(registry.HomeCard(TITLE, ICON, URL, rules.LOOK, summary=summary))


def summary(user: User) -> list[registry.Figure]:
    """What runs, and what of one's own has failed lately."""
    figures = queries.figures(user)
    return [
        registry.Figure(str(_("Waiting")), figures["waiting"]),
        registry.Figure(str(_("Running")), figures["running"], "run" if figures["running"] else ""),
        registry.Figure(
            str(_("Yours failed, 2 days")), figures["failed"], "fail" if figures["failed"] else ""
        ),
    ]
