from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "ims.console"
    label = "console"
    verbose_name = _("Console")

    def ready(self) -> None:
        from ims.console import navigation

        navigation.register()
