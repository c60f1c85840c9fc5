from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate


class UploadsConfig(AppConfig):
    name = "ims.uploads"
    label = "ims_uploads"
    verbose_name = "Uploads"

    def ready(self) -> None:
        from ims.uploads.checks import check_folder

        checks.register(check_folder, checks.Tags.database)
        post_migrate.connect(mark_folder, sender=self)


def mark_folder(using: str, plan: Any = None, **_: Any) -> None:
    """Whoever migrates first says by its MEDIA_ROOT where uploads lie."""
    from ims.uploads import folder

    folder.mark(using)
