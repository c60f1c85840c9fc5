"""python manage.py adopt_uploads: MEDIA_ROOT of this machine is from now on the folder of all."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from ims.uploads import folder
from ims.uploads.models import UploadFolder


class Command(BaseCommand):
    help = (
        "Say that MEDIA_ROOT of this machine is the folder of uploads, after it was moved without its mark."
    )

    @transaction.atomic
    def handle(self, **options: Any) -> None:
        UploadFolder.objects.all().delete()
        folder.mark()
        self.stdout.write(self.style.SUCCESS(f"Uploads lie in {settings.MEDIA_ROOT}."))
