from django.apps import AppConfig


class LogisticsConfig(AppConfig):
    name = "logistics"
    verbose_name = "Dispatch and trips"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from logistics import checks, navigation  # noqa: F401 - checks register themselves
        from logistics.notifications import kinds

        navigation.register()
        kinds.register()
