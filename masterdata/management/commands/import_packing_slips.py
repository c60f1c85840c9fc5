"""python manage.py import_packing_slips FILE [--dry-run]: what the import page does, here and now."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ims.imports import uploads
from ims.lib import audit
from ims.lib.sheets import SheetError
from ims.uploads.folder import OutOfReach
from masterdata import imports
from masterdata.tasks import write_import


class Command(BaseCommand):
    help = "Import packing slips from a spreadsheet (.xlsx or .csv); the same file twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="only tell what it would do")

    def handle(self, file: Path, dry_run: bool, **options: Any) -> None:
        try:
            with file.open("rb") as content:
                report = self.read(content, file.name, dry_run)
        except (OSError, SheetError, OutOfReach) as error:
            raise CommandError(f"{file}: {error}") from error
        for wrong in report["errors"]:
            self.stderr.write(f"row {wrong['row']}, {wrong['column']}: {wrong['message']}")
        counts = f"{report['new']} new, {report['changed']} changed, {report['unchanged']} unchanged"
        done = "Nothing was written" if dry_run else "Imported"
        self.stdout.write(f"{done}: {report['total']} rows, {counts}, {report['bad']} left out.")
        if report["bad"]:
            raise CommandError(f"{report['bad']} rows were left out: correct them and import the file again.")

    def read(self, content: Any, name: str, dry_run: bool) -> dict[str, Any]:
        if dry_run:
            return imports.try_out(content, name).as_json()
        kept = imports.receive(content, name, None)
        uploads.claim(kept)
        audit.record("shipments.import", f"import:{kept.pk}", after={"file": name})
        write_import(kept.pk)
        kept.refresh_from_db()
        report: dict[str, Any] = kept.report
        return report
