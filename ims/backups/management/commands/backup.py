"""`backup`: the database and the uploads as one verified file."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from ims.backups import services
from ims.backups.errors import BackupFailed
from ims.uploads import folder as uploads


class Command(BaseCommand):
    help = "Writes the database and the uploads into one file, verifies it, and removes all but the newest."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", metavar="FOLDER", default=settings.BACKUP_DIR, help="default: BACKUP_DIR")
        parser.add_argument(
            "--keep", type=int, metavar="N", default=settings.BACKUP_KEEP, help="default: BACKUP_KEEP"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] < 1:
            raise CommandError("--keep: give 1 or more.")
        folder = Path(options["to"])
        try:
            path, manifest = services.make(folder, now())
        except (BackupFailed, OSError) as error:
            raise CommandError(str(error)) from error
        if elsewhere := uploads.problem():
            self.stderr.write(self.style.WARNING(f"{elsewhere} Theirs are not in this backup."))
        removed = services.prune(folder, options["keep"])
        size = path.stat().st_size / 1e6
        rows, files = sum(manifest.rows.values()), len(manifest.checksums) - 1
        self.stdout.write(f"{path}: {size:,.1f} MB, {rows:,} rows, {files:,} uploads, verified.")
        for old in removed:
            self.stdout.write(f"Removed {old}")
