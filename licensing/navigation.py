"""This system's place in the rail and on the home page."""

from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from ims.accounts.models import User
from ims.web import registry
from licensing import queries
from licensing.balances import day_in_india
from licensing.rules import LOOK

STATES = {"usable": "ok", "expiring_30": "retry", "null": "", "overdrawn": "fail"}
WORDS = {
    "usable": _("Usable"),
    "expiring_30": _("Expiring in 30 days"),
    "null": _("Null balance"),
    "overdrawn": _("Overdrawn"),
}


def register() -> None:
    registry.add_nav(registry.NavItem(_("Licences"), "certificate", "licensing:licenses", LOOK))
    registry.add_card(
        registry.HomeCard(_("Licences"), "certificate", "licensing:licenses", LOOK, summary=summary)
    )


def summary(user: User) -> list[registry.Figure]:
    """How many licences are in each state."""
    figures = queries.figures(day_in_india(now()))
    return [
        registry.Figure(str(words), figures[state], STATES[state] if figures[state] else "")
        for state, words in WORDS.items()
    ]
