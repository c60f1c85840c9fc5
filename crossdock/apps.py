from django.apps import AppConfig


class CrossdockConfig(AppConfig):
    name = "crossdock"
    verbose_name = "Cross-dock"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crossdock import models, navigation, news
        from ims.uploads import upkeep

        upkeep.follow(models.OfferImport)
        navigation.register()
        news.register_kinds()
