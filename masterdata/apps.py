from django.apps import AppConfig


class MasterdataConfig(AppConfig):
    name = "masterdata"
    verbose_name = "Shipments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ims.uploads import upkeep
        from masterdata import alerts, models, navigation

        upkeep.follow(models.SlipImport)
        navigation.register()
        alerts.register_kinds()
