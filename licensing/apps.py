from django.apps import AppConfig


class LicensingConfig(AppConfig):
    name = "licensing"
    verbose_name = "Licences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ims.uploads import upkeep
        from licensing import models, navigation, reminders

        upkeep.follow(models.Attachment, models.SheetImport)
        navigation.register()
        reminders.register_kinds()
