"""When a schedule runs, in the words of people: 'every hour', 'every day at 02:30 (Asia/Kolkata)'."""

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.schedules import ScheduleStatus

UNITS = (  # minutes, one, many
    (1440, gettext_lazy("day"), gettext_lazy("days")),
    (60, gettext_lazy("hour"), gettext_lazy("hours")),
    (1, gettext_lazy("minute"), gettext_lazy("minutes")),
)
EACH_DAY = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* \*")
EACH_MINUTES = re.compile(r"\*/([1-9]\d?) \* \* \* \*")


def cadence_words(schedule: ScheduleStatus) -> str:
    """A cron expression that says more than a time of day is shown as it is."""
    if schedule.cron:
        return cron_words(schedule.cron, schedule.tz)
    if schedule.interval_minutes is None:
        return schedule.kind.lower()
    return every(schedule.interval_minutes)


def cron_words(cron: str, tz: str) -> str:
    if found := EACH_DAY.fullmatch(cron):
        minute, hour = map(int, found.groups())
        return _("every day at %(time)s (%(tz)s)") % {"time": f"{hour:02}:{minute:02}", "tz": tz}
    if (found := EACH_MINUTES.fullmatch(cron)) and 60 % int(found[1]) == 0:
        return every(int(found[1]))
    return _("by cron %(cron)s (%(tz)s)") % {"cron": cron, "tz": tz}


def every(minutes: int) -> str:
    """In the largest unit that comes out even."""
    size, one, many = next(unit for unit in UNITS if minutes % unit[0] == 0)
    n = minutes // size
    return _("every %(unit)s") % {"unit": one if n == 1 else f"{n} {many}"}
