from django.apps import AppConfig


class LibConfig(AppConfig):
    name = "ims.lib"
    label = "ims_lib"
    verbose_name = "IMS"
