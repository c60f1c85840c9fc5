from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "ims.notices"
    label = "notices"
    verbose_name = "Notices"
