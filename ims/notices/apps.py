from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "ims.notices"
    label = "notices"
    verbose_name = "Notices"

    def ready(self) -> None:
        from ims.accounts import forgotten
        from ims.notices.tasks import ask_for_link

        forgotten.when_forgotten(ask_for_link)
