"""python manage.py import_offers FILE [--supplier CODE]: what the page of offers does, here and now."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crossdock import offers, view
from crossdock.models import Supplier
from crossdock.offers import Report
from ims.lib import audit
from ims.lib.sheets import SheetError


class Command(BaseCommand):
    help = "Import suppliers' offers (.xlsx, .xls or .csv) and make the view of best offers anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--supplier", metavar="CODE", help="whose list it is; else a column says so")
        parser.add_argument(
            "--no-refresh", action="store_true", help="leave the view as it is, e.g. between files"
        )

    def handle(self, file: Path, supplier: str | None, no_refresh: bool, **options: Any) -> None:
        try:
            with file.open("rb") as content:
                report = offers.go_through(content, file.name, chosen(supplier), self.tell)
        except (OSError, SheetError) as error:
            raise CommandError(f"{file}: {error}") from error
        audit.record("cross_dock.import_offers", f"file:{file.name}"[:200], after={"rows": report.total})
        if not no_refresh:
            view.refresh()
        for wrong in report.errors:
            self.stderr.write(f"row {wrong.row}, {wrong.column}: {wrong.message}")
        counts = f"{report.written} written, {report.older} not newer, {report.bad} left out"
        self.stdout.write(f"Imported: {report.total} rows, {counts}.")
        if report.bad:
            raise CommandError(f"{report.bad} rows were left out: correct them and import the file again.")

    def tell(self, report: Report) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\r{report.percent:3} %  {report.total:,} rows", ending="\r")
            self.stdout.flush()


def chosen(code: str | None) -> Supplier | None:
    if code is None:
        return None
    try:
        return Supplier.objects.get(supid=code)
    except Supplier.DoesNotExist:
        raise CommandError(f"--supplier: no supplier has the code {code!r}; add it first.") from None
