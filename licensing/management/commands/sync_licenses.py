"""python manage.py sync_licenses [--license NUMBER] [--no-items] [--dry-run] [--batch-size 100]"""

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from licensing import sync
from licensing.balances import day_in_india
from licensing.models import License

WIDTH = 30  # characters of the bar
MOST = 5_000  # licences in one batch


class Command(BaseCommand):
    help = "Work out the balances of all licences, as the nightly task does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--license",
            action="append",
            metavar="NUMBER",
            help="only this licence; may be given several times",
        )
        parser.add_argument("--no-items", action="store_true", help="leave the figures of import items alone")
        parser.add_argument("--dry-run", action="store_true", help="only tell what would change")
        parser.add_argument("--batch-size", type=size, default=100, help="licences at once; default 100")

    def handle(self, *, no_items: bool, dry_run: bool, batch_size: int, **options: Any) -> None:
        numbers = options["license"] or []
        self.refuse_unknown([numbers] if isinstance(numbers, str) else numbers)
        self.drawn = -1
        report = sync.sync(
            day_in_india(now()),
            numbers=[numbers] if isinstance(numbers, str) else numbers,
            items=not no_items,
            dry=dry_run,
            batch_size=batch_size,
            tell=self.draw,
        )
        self.stdout.write(report.output)
        if report.failed:
            raise CommandError(report.error)

    def refuse_unknown(self, numbers: list[str]) -> None:
        known = set(
            License.objects.filter(license_number__in=numbers).values_list("license_number", flat=True)
        )
        if unknown := [number for number in numbers if number not in known]:
            raise CommandError(f"--license: there is no licence {', '.join(unknown)}. Look at its number.")

    def draw(self, done: int, total: int) -> None:
        """A bar that moves in place on a terminal; elsewhere a line for each tenth."""
        percent = 100 * done // total if total else 100
        moves = self.stdout.isatty()
        if percent == self.drawn or not (moves or percent // 10 > self.drawn // 10):
            return
        self.drawn = percent
        full = WIDTH * percent // 100
        bar = f"[{'#' * full}{'.' * (WIDTH - full)}] {percent:3}% {done:,} of {total:,}"
        self.stdout.write(f"\r{bar}" if moves else bar, ending="" if moves and done < total else "\n")


def size(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ArgumentTypeError(f"give a whole number from 1 to {MOST}")
    return int(text)
