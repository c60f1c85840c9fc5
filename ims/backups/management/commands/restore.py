"""`restore`: a backup into an empty database and an empty folder of uploads."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ims.backups import archive, services
from ims.backups.errors import BackupFailed


class Command(BaseCommand):
    help = (
        "Brings a backup into the empty database of DATABASE_URL and the empty MEDIA_ROOT, and verifies it."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="what `backup` has written")
        parser.add_argument("--check", action="store_true", help="only verify the file; nothing is changed")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            manifest = archive.verify(path) if options["check"] else services.restore(path)
        except (BackupFailed, OSError) as error:
            raise CommandError(str(error)) from error
        done = "is whole" if options["check"] else "is restored"
        rows, files = sum(manifest.rows.values()), len(manifest.checksums) - 1
        self.stdout.write(f"{path} of {manifest.made_at} {done}: {rows:,} rows, {files:,} uploads.")
        if not options["check"]:
            self.stdout.write("Next: manage.py migrate, then start the web, then the clusters.")
