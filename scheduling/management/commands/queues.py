"""`queues list|pause|resume NAME`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduling import overview, queues
from scheduling.exceptions import UnknownQueue
from scheduling.management.tables import write_json, write_table

COLUMNS = (
    "waiting", "scheduled", "running", "unheard", "retrying", "failed_last_day", "oldest_seconds", "clusters",
)  # fmt: skip


class Command(BaseCommand):
    help = "Look at the queues; pause and resume them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", "pause", "resume"])
        parser.add_argument("name", nargs="?", help="the queue; not needed for list")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        action, name = options["action"], options["name"]
        if action == "list":
            self._list(options["json"])
            return
        if not name:
            raise CommandError(f"queues {action}: name the queue, e.g. queues {action} low_priority")
        try:
            changed = queues.pause(name) if action == "pause" else queues.resume(name)
        except UnknownQueue as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            write_json(self.stdout, {"queue": name, "paused": action == "pause", "changed": changed})
        else:
            self.stdout.write(f"Queue {name} is {action}d{'' if changed else ' already'}.")

    def _list(self, as_json: bool) -> None:
        rows = overview.queues()
        if as_json:
            write_json(self.stdout, rows)
            return
        headers = ["QUEUE", "STATE", *(name.replace("_", " ").upper() for name in COLUMNS)]
        write_table(
            self.stdout,
            headers,
            [[row["name"], _state(row), *(row[name] for name in COLUMNS)] for row in rows],
        )


def _state(row: dict[str, Any]) -> str:
    served = "served" if row["clusters"] else "NO CLUSTER"
    return f"{served}, paused by {row['paused_by']}" if row["paused"] else served
