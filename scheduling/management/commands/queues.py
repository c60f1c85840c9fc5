"""`queues list|pause|resume NAME`, `queues quiet [--wait SECONDS]`, `queues wake`."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduling import overview, queues
from scheduling.exceptions import UnknownQueue
from scheduling.management.tables import write_json, write_table

COLUMNS = (
    "waiting", "scheduled", "running", "unheard", "retrying", "failed_last_day", "oldest_seconds", "clusters",
)  # fmt: skip


class Command(BaseCommand):
    help = "Look at the queues; pause and resume them; before a deploy pause all and wait until nothing runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", "pause", "resume", "quiet", "wake"])
        parser.add_argument("name", nargs="?", help="the queue, for pause and resume")
        parser.add_argument(
            "--wait",
            type=float,
            default=0,
            metavar="SECONDS",
            help="quiet: until nothing runs, at most so long",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        action, name = options["action"], options["name"]
        if action == "list":
            self._list(options["json"])
            return
        if action in {"quiet", "wake"}:
            getattr(self, f"_{action}")(options)
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

    def _quiet(self, options: dict[str, Any]) -> None:
        changed = queues.quiet()
        left = self._wait(options["wait"]) if options["wait"] else queues.held()
        if options["json"]:
            write_json(self.stdout, {"quiet": True, "changed": changed, "running": left})
        else:
            self.stdout.write(f"All queues are paused{'' if changed else ' already'}; {left} jobs still run.")
        if options["wait"] and left:
            raise CommandError(
                f"{left} jobs still run after {options['wait']:g} s; `queues wake` ends quiet mode."
            )

    def _wait(self, seconds: float) -> int:
        """Nothing runs when two looks say so: a claim may be on its way at the first."""
        end, before = time.monotonic() + seconds, -1
        while (left := queues.held()) or before != 0:
            if time.monotonic() > end:
                return left
            before = left
            time.sleep(0.5)
        return 0

    def _wake(self, options: dict[str, Any]) -> None:
        changed = queues.wake()
        if options["json"]:
            write_json(self.stdout, {"quiet": False, "changed": changed})
        else:
            self.stdout.write("Quiet mode is over." if changed else "There was no quiet mode.")

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
