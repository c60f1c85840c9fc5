"""The console's place in the rail; the engine's card on the home page leads here too."""

from django.utils.translation import gettext_lazy as _

from ims.web import registry
from scheduling import roles


def register() -> None:
    registry.add_nav(registry.NavItem(_("Jobs"), "activity", "console:overview", roles.LOOK))
