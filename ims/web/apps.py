from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebConfig(AppConfig):
    name = "ims.web"
    label = "web"
    verbose_name = "Pages"

    def ready(self) -> None:
        from ims.web.registry import NavItem, add_nav

        add_nav(NavItem(_("Home"), "home", "home"))
