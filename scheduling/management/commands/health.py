"""`health`: for containers and systemd. Exit code 0: well; 1: something is wrong; 2: no database."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduling import health
from scheduling.declaration import QUEUES
from scheduling.management.tables import write_json


class Command(BaseCommand):
    help = (
        "Checks the database, a living cluster for each queue, and that no queue starves. Exit codes 0, 1, 2."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--queues", metavar="NAME,NAME", help=f"only these of {', '.join(QUEUES)}")
        parser.add_argument("--here", action="store_true", help="count only clusters of this host")
        parser.add_argument(
            "--alive",
            action="store_true",
            help="for a supervisor that would restart us: no cluster is wrong; a starved queue or no database"
            " is not, because a restart heals neither",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = [name.strip() for name in (options["queues"] or "").split(",") if name.strip()] or list(
            QUEUES
        )
        if unknown := [name for name in wanted if name not in QUEUES]:
            raise CommandError(f"--queues: unknown {', '.join(unknown)}; the queues are {', '.join(QUEUES)}.")
        found = health.checks(wanted, here=options["here"])
        if options["alive"]:
            found = health.of_clusters(found)
        if options["json"]:
            write_json(self.stdout, health.as_json(found))
        else:
            for check in found:
                self.stdout.write(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.message}")
        if not health.is_well(found):
            sys.exit(2 if found[0].name == health.DATABASE and not found[0].ok else 1)
