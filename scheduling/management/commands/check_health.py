"""`check_health [--alert]`: look from outside, by a timer. Exit code 0: well; 1: trouble; 2: no database."""

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from scheduling import alerts, clock, troubles
from scheduling.management.tables import write_json
from scheduling.operation_models import Incident
from scheduling.troubles import Trouble

DATABASE = Trouble("database", "The database does not answer.")


class Command(BaseCommand):
    help = (
        "Looks for what people should be warned of: no cluster, a starved queue, a late schedule, failures."
        " With --alert they are warned once, by ALERT_EMAILS and ALERT_WEBHOOK, of no database too."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--alert", action="store_true", help="warn of what began, and tell what is over")
        parser.add_argument(
            "--confirm", type=float, default=20, metavar="SECONDS",
            help="with --alert: no cluster only counts if there is none so much later either (a restart)",
        )  # fmt: skip
        parser.add_argument(
            "--memory", type=Path, default=Path(settings.BASE_DIR) / "var" / "database-away", metavar="FILE",
            help="kept while the database is away, so that people are told of that once",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = self._look(options)
        except (OperationalError, InterfaceError):
            found = [DATABASE]
            if options["alert"]:
                self._tell_database_away(options["memory"])
        if options["json"]:
            write_json(self.stdout, [trouble._asdict() for trouble in found])
        for trouble in found if not options["json"] else ():
            self.stdout.write(f"{trouble.key}: {trouble.text}")
        if not found and not options["json"]:
            self.stdout.write("All is well.")
        if found:
            sys.exit(2 if DATABASE in found else 1)

    def _look(self, options: dict[str, Any]) -> list[Trouble]:
        going_on = set(Incident.objects.filter(ended_at=None).values_list("key", flat=True))
        found = troubles.find(going_on)
        if not options["alert"]:
            return found
        if any(trouble.key.startswith(troubles.NO_CLUSTER) for trouble in found):
            time.sleep(options["confirm"])
        self._tell_database_back(options["memory"])
        try:
            alerts.look(clock.read(), alerts.directly)
        except ExceptionGroup as errors:
            self.stderr.write("; ".join(map(str, [errors.message, *errors.exceptions])))
        return troubles.find(going_on)

    def _tell_database_away(self, memory: Path) -> None:
        if memory.exists():
            return
        self._send(Incident(key=DATABASE.key, text=DATABASE.text, began_at=timezone.now()), memory)

    def _tell_database_back(self, memory: Path) -> None:
        if memory.exists():
            began_at = datetime.fromisoformat(memory.read_text())
            self._send(
                Incident(key=DATABASE.key, text=DATABASE.text, began_at=began_at, ended_at=timezone.now()),
                memory,
            )

    def _send(self, incident: Incident, memory: Path) -> None:
        """The file stands for the incident, and changes only when somebody was told."""
        try:
            alerts.directly(incident)
        except ExceptionGroup as errors:
            self.stderr.write("; ".join(map(str, [errors.message, *errors.exceptions])))
            return
        if incident.ended_at:
            memory.unlink(missing_ok=True)
        else:
            memory.parent.mkdir(parents=True, exist_ok=True)
            memory.write_text(incident.began_at.isoformat())
