"""When a schedule runs: cron in the clock of a time zone, intervals in elapsed time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from scheduling.exceptions import BadDeclaration

MAX_INTERVAL_MINUTES = 32767  # what Django Q2's Schedule row holds
RANDOM_FIELD = re.compile(r"\br\b", re.IGNORECASE)  # croniter's R: another time at every look


@dataclass(frozen=True)
class Cadence:
    """When a task runs by itself: every so many minutes, or by cron in a time zone."""

    name: str
    every_minutes: int | None
    cron: str | None
    tz: str

    def next_after(self, moment: datetime, minutes: int | None = None) -> datetime:
        """The next run after `moment`; `minutes` overrides the declared interval."""
        if self.cron:
            return cron_after(self.cron, self.tz, moment)
        return moment + timedelta(minutes=minutes or self.every_minutes or 1)

    def expects(self, run: datetime, now: datetime, minutes: int | None = None) -> bool:
        """Whether `run` can be the next run, seen at `now`.

        One later than the next two was planned by a clock that ran ahead; one of a cron that is neither of
        them was planned by another expression or zone. The second is allowed, so that a clock that is set
        back over a run does not repeat it.
        """
        first = self.next_after(now, minutes)
        second = self.next_after(first, minutes)
        return run <= now or (run in (first, second) if self.cron else run <= second)


def cron_after(cron: str, tz: str, moment: datetime) -> datetime:
    """The first time of a cron expression after `moment`, in UTC. Raises ValueError where there is none.

    What falls into an hour that the zone skips runs once, when that hour is over. In an hour that comes twice
    it runs the first time only, unless the expression names every hour.
    """
    zone = ZoneInfo(tz)
    every_hour = croniter.expand(cron)[0][1] == ["*"]
    while True:
        moment = croniter(cron, moment.astimezone(zone)).get_next(datetime).astimezone(UTC)
        if every_hour or not moment.astimezone(zone).fold:
            return moment


def interval_after(run: datetime, period: timedelta, moment: datetime) -> datetime:
    """The first of `run`, `run` + `period`, … that lies after `moment`; however many were missed."""
    return run + period * ((moment - run) // period + 1)


def check_cron(cron: str) -> None:
    """Raise ValueError with the reason where a cron expression names no times."""
    if not croniter.is_valid(cron) or RANDOM_FIELD.search(cron):
        raise ValueError(f"{cron!r} is not a cron expression, e.g. '30 2 * * *'.")
    try:
        croniter(cron, datetime.now(UTC)).get_next(datetime)
    except ValueError:
        raise ValueError(f"{cron!r} names a time that never comes.") from None


def declare(where: str, name: str, every: timedelta | None, cron: str | None, tz: str) -> Cadence | None:
    """The cadence of a declaration, None where it has none. Raises BadDeclaration."""
    if every is None and cron is None:
        return None
    if every is not None and cron is not None:
        raise BadDeclaration(f"{where}: give every= or cron=, not both.")
    try:
        ZoneInfo(tz)
    except (KeyError, ValueError, OSError) as error:
        raise BadDeclaration(f"{where}: tz={tz!r} is not a time zone, e.g. 'Asia/Kolkata'.") from error
    if cron is not None:
        try:
            check_cron(cron)
        except ValueError as error:
            raise BadDeclaration(f"{where}: cron={error}") from None
    return Cadence(name, None if every is None else _minutes(where, every), cron, tz)


def _minutes(where: str, every: timedelta) -> int:
    minutes = every / timedelta(minutes=1)
    if not (minutes.is_integer() and 1 <= minutes <= MAX_INTERVAL_MINUTES):
        raise BadDeclaration(
            f"{where}: every={every!r}; give whole minutes from 1 to {MAX_INTERVAL_MINUTES}."
        )
    return int(minutes)
