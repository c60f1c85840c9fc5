from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "ims.backups"
    label = "ims_backups"
    verbose_name = "Backups"
