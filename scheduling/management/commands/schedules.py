"""`schedules list|show|start|stop|status|run NAME`, and `schedules take-over`."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduling import schedules
from scheduling.api import describe_cadence
from scheduling.exceptions import BadInterval, UnknownSchedule
from scheduling.schedules import ScheduleStatus

UNNAMED = ("list", "take-over")
COLUMNS = "{:<32} {:<8} {:<34} {:<20} {:>6}"


class Command(BaseCommand):
    help = "Look at and control the schedules."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", "show", "start", "stop", "status", "run", "take-over"])
        parser.add_argument(
            "name", nargs="?", help="public name of the schedule, or the number of a row made by hand"
        )
        parser.add_argument(
            "--interval", type=int, metavar="MINUTES", help="with start: minutes between two runs"
        )
        parser.add_argument("--force", action="store_true", help="with start: also make it due now")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        action, name = options["action"], options["name"]
        if action not in UNNAMED and not name:
            raise CommandError(
                f"schedules {action}: name the schedule, e.g. schedules {action} prune_history"
            )
        try:
            self._act(action, name, options)
        except (UnknownSchedule, BadInterval) as error:
            raise CommandError(str(error)) from error

    def _act(self, action: str, name: str, options: dict[str, Any]) -> None:
        match action:
            case "run":
                job = schedules.run_now(name)
                self.stdout.write(
                    json.dumps({"job_id": job.id}) if options["json"] else f"Queued job {job.id}"
                )
            case "start":
                self._show(
                    [schedules.start(name, options["interval"], force=options["force"])], options["json"]
                )
            case "stop":
                self._show([schedules.stop(name)], options["json"])
            case "status":
                self._show([schedules.status(name)], options["json"])
            case "show":
                self._show([schedules.status(name)], options["json"], schedules.next_runs(name))
            case "take-over":
                schedules.sync(take_over=True)
                self.stdout.write("The schedules are what this release declares.")
            case "list":
                self._show(schedules.all_statuses(), options["json"])

    def _show(
        self, shown: list[ScheduleStatus], as_json: bool, next_runs: list[datetime] | None = None
    ) -> None:
        if as_json:
            more = {} if next_runs is None else {"next_runs": next_runs}
            self.stdout.write(json.dumps([{**asdict(each), **more} for each in shown], default=str, indent=2))
            return
        self.stdout.write(COLUMNS.format("SCHEDULE", "STATE", "CADENCE", "NEXT RUN (UTC)", "RUNS"))
        for each in shown:
            self.stdout.write(line(each))
            if each.broken:
                self.stdout.write(f"    broken: {each.broken}")
            for run in next_runs or ():
                local = run.astimezone(ZoneInfo(each.tz))
                self.stdout.write(f"    {run:%a %Y-%m-%d %H:%M:%S} UTC, {local:%H:%M} in {each.tz}")


def line(each: ScheduleStatus) -> str:
    state = "broken" if each.broken else "active" if each.active else "stopped"
    next_run = f"{each.next_run:%Y-%m-%d %H:%M:%S}" if each.next_run else "—"
    return COLUMNS.format(each.name, state, describe_cadence(each), next_run, each.task_count)
