from django.apps import AppConfig


class CrossdockConfig(AppConfig):
    name = "crossdock"
    verbose_name = "Cross-dock"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crossdock import navigation, news

        navigation.register()
        news.register_kinds()
