from django.apps import AppConfig


class CrossdockConfig(AppConfig):
    name = "crossdock"
    verbose_name = "Cross-dock"
    default_auto_field = "django.db.models.BigAutoField"
