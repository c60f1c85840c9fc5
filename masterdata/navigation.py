"""This system's place in the rail and on the home page."""

from django.utils.translation import gettext_lazy as _

from ims.accounts import roles
from ims.accounts.models import User
from ims.web import registry
from masterdata import queries

STATES = {"waiting": "", "moving": "run", "attention": "fail", "delivered": "ok"}


def register() -> None:
    registry.add_nav(registry.NavItem(_("Shipments"), "package", "masterdata:shipments", roles.STAFF))
    registry.add_card(
        registry.HomeCard(_("Shipments"), "package", "masterdata:shipments", roles.STAFF, summary=summary)
    )


def summary(user: User) -> list[registry.Figure]:
    """How many orders are in each group."""
    figures = queries.figures()
    return [
        registry.Figure(str(words), figures[group], STATES[group] if figures[group] else "")
        for group, words in queries.GROUPS.items()
    ]
