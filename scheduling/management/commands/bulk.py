"""`bulk retry|cancel|delete --state STATE`: do it to all jobs that match, by a job of its own."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduling import bulk, search
from scheduling.management.tables import write_json


class Command(BaseCommand):
    help = "Retries, cancels or deletes all jobs that match. Counts and asks first; a cluster does it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=list(bulk.STATES))
        parser.add_argument("--state", required=True, metavar="STATE", help=", ".join(search.STATES))
        parser.add_argument("--queue", default="", metavar="NAME")
        parser.add_argument("--task", default="", metavar="NAME", help="public name or dotted path")
        parser.add_argument("--text", default="", metavar="TEXT", help=f"looked for in {search.TEXT_FIELDS}")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        try:
            wanted = search.JobFilter(options["state"], options["task"], options["queue"], options["text"])
            counted = bulk.count(action, wanted)
        except search.BadFilter as error:
            raise CommandError(str(error)) from error
        what = f"{action.capitalize()} {counted.text} {wanted.state} jobs"
        if not options["yes"] and not self._is_sure(f"{what}. {bulk.CONSEQUENCES[action]}"):
            raise CommandError("Nothing was done.")
        job = bulk.begin(action, wanted)
        if options["json"]:
            write_json(self.stdout, {"job_id": job.id, "count": counted.count, "more": counted.is_more})
        else:
            self.stdout.write(f"{what}: queued as job {job.id}; `jobs show {job.id}` tells how far it is.")

    def _is_sure(self, question: str) -> bool:
        self.stdout.write(f"{question} Go on? [y/N] ", ending="")
        self.stdout.flush()
        try:
            return input().strip().lower() in {"y", "yes"}
        except EOFError:
            return False
