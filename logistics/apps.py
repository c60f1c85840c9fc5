from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from ims.accounts.models import User


class LogisticsConfig(AppConfig):
    name = "logistics"
    verbose_name = "Dispatch and trips"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ims.accounts import people
        from ims.uploads import upkeep
        from logistics import checks, models, navigation  # noqa: F401 - checks register themselves
        from logistics.billing import mails
        from logistics.notifications import kinds

        upkeep.follow(models.TripProof)
        navigation.register()
        kinds.register()
        mails.register_kind()
        people.when_created(welcome)


def welcome(user: User) -> None:
    """A new person is told how to choose a password."""
    from logistics import tasks

    tasks.send_welcome_email.enqueue(user_id=user.pk)
