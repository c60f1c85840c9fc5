"""The cluster's parent process: starts the supervisor, starts it again when it dies, passes signals on.

It runs no job and speaks to no database, so that little can befall it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from typing import Any

from django.conf import settings
from django_q import cluster as stock

from scheduling import database, processes
from scheduling.stopping import STOP, STOP_AT_ONCE
from scheduling.supervisor import Supervisor

logger = logging.getLogger("django-q")

DEAF_LEASES = 3  # leases without a turn of the supervisor's loop: it is frozen, or waits for ever
LOOK = 0.5  # seconds between looks at the supervisor
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds before a dead supervisor is started again
GONE_WITHIN = 5.0  # seconds in which the workers of a dead supervisor end


class Cluster(stock.Cluster):  # type: ignore[misc]
    """A Django Q2 cluster that is guarded by our Supervisor."""

    def __init__(self, broker: Any = None) -> None:
        self.signals = 0
        self.hears = False  # whether the supervisor hears signals; before, they would end it
        super().__init__(broker)

    def start(self) -> int:
        database.before_fork()
        stock.Sentinel = Supervisor  # the name that Cluster.start looks up
        Supervisor.pulse = stock.get_mp_context().RawValue("d", time.monotonic())
        self.hears = False
        pid = int(super().start())
        self.hears = True
        return pid

    def stop(self) -> bool:
        """Stop within the grace; called again, at once."""
        if not self.sentinel.is_alive():
            return False
        self._pass_on(max(1, self.signals))
        return bool(super().stop())

    @property
    def has_stopped(self) -> bool:
        """Also where a signal has stopped it."""
        return bool(super().has_stopped or (self.signals and self.sentinel and not self.sentinel.is_alive()))

    def run(self) -> None:
        """Start, and stay until it is stopped; a supervisor that dies is replaced.

        Raises RuntimeError where supervisors die as soon as they are started.
        """
        processes.adopt_orphans()
        pause = FIRST_PAUSE
        while not self._is_asked_to_stop():
            started = time.monotonic()
            self._guard_one()
            if self._is_asked_to_stop() or self.sentinel.exitcode == 0:
                return
            lived = time.monotonic() - started
            pause = FIRST_PAUSE if lived > LONGEST_PAUSE else pause * 2
            if pause > LONGEST_PAUSE:
                raise RuntimeError(f"Q Cluster {self.name}: supervisors die as soon as they are started.")
            logger.critical("The supervisor died (exit %s); starting another one.", self.sentinel.exitcode)
            self._wait_for_orphans()
            time.sleep(pause)

    def _is_asked_to_stop(self) -> bool:
        return self.signals > 0

    def _guard_one(self) -> None:
        """Start a supervisor and stay until it has ended."""
        with contextlib.suppress(RuntimeError):  # it died before it was ready
            self.start()
        while self.sentinel.is_alive():
            self.sentinel.join(LOOK)
            processes.reap_orphans(self.sentinel.pid)
            if self.signals:
                self._pass_on(self.signals)
            if time.monotonic() - Supervisor.pulse.value > DEAF_LEASES * settings.Q_LEASE_SECONDS:
                logger.critical("The supervisor has been silent for too long; it is killed and replaced.")
                self.sentinel.kill()

    def sig_handler(self, signum: int, frame: Any) -> None:
        """Only count: the first signal asks to stop within the grace, a second one at once."""
        self.signals += 1
        self._pass_on(self.signals)

    def _pass_on(self, signals: int) -> None:
        if not self.hears:
            if signals > 1 and self.sentinel:
                self.sentinel.kill()  # it still starts, or waits for the database; it holds no job
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.sentinel.pid, STOP if signals == 1 else STOP_AT_ONCE)

    def _wait_for_orphans(self) -> None:
        """The dead supervisor's workers die with it; until they have, a job of theirs must not run again."""
        deadline = time.monotonic() + GONE_WITHIN
        with contextlib.suppress(ChildProcessError):
            while time.monotonic() < deadline:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.01)
