"""python manage.py start_tracking_scheduler [--interval MINUTES] [--force]"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from masterdata.tracking_service import DEFAULT_INTERVAL_MINUTES, SCHEDULE
from scheduling import schedules
from scheduling.api import describe_cadence
from scheduling.exceptions import BadInterval
from scheduling.schedules import ScheduleStatus


class Command(BaseCommand):
    help = "Start the scheduled tracking updates, or give them another interval."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--interval",
            type=int,
            metavar="MINUTES",
            help=f"minutes, 1 to 32767; default {DEFAULT_INTERVAL_MINUTES}, or as it already runs",
        )
        parser.add_argument("--force", action="store_true", help="also update now, whenever the next run is")

    def handle(self, *, interval: int | None, force: bool, **options: Any) -> None:
        before = schedules.status(SCHEDULE)
        running = before.interval_minutes if before.active else DEFAULT_INTERVAL_MINUTES
        minutes = running if interval is None else interval
        try:
            after = schedules.start(SCHEDULE, minutes, force=force)
        except BadInterval as error:
            reason = str(error).removeprefix("interval: ")
            raise CommandError(f"--interval: {reason}") from error
        self.stdout.write(self.style.SUCCESS(sentence(before, after, force)))


def sentence(before: ScheduleStatus, after: ScheduleStatus, force: bool) -> str:
    every = describe_cadence(after)
    now = " and due now" if force else f"; next run {after.next_run:%Y-%m-%d %H:%M} UTC"
    if not before.active:
        return f"Tracking updates started, {every}{now}."
    if before.interval_minutes != after.interval_minutes:
        return f"Tracking updates now run {every}{now}."
    return f"Tracking updates are already running, {every}{now}."
