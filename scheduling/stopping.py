"""Hear that the cluster shall stop: within the grace, or at once."""

from __future__ import annotations

import logging
import multiprocessing
import os
import selectors
import signal
import time
from typing import Any

from django.conf import settings
from django_q.conf import Conf

from scheduling import processes, systemd

logger = logging.getLogger("django-q")

# From the parent alone. SIGTERM is not heard: it may hit the whole group, and the parent decides.
STOP, STOP_AT_ONCE = signal.SIGUSR1, signal.SIGUSR2
AT_ONCE = 2
WITHOUT_DATABASE = 20.0  # seconds beyond the grace, after which what cannot be recorded is left to others


class StopRequest:
    """What signals and events have asked for, and since when."""

    def __init__(self, event: Any, parent: int | None) -> None:
        self.event = event
        started_by = multiprocessing.parent_process()  # it may have ended before this process could ask
        self.parent = started_by.pid if started_by else parent
        self.asked = 0
        self.since = 0.0  # monotonic; 0 while nobody asked

    def hear(self, selector: selectors.BaseSelector) -> None:
        """Install the handlers: they only count, and wake the loop up."""
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        selector.register(reader, selectors.EVENT_READ, lambda: os.read(reader, 4096))
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(STOP, lambda *_: self.ask(1))
        signal.signal(STOP_AT_ONCE, lambda *_: self.ask(AT_ONCE))
        if self.parent and not Conf.TESTING:
            processes.die_with(self.parent, STOP)

    def ask(self, urgency: int) -> None:
        self.asked = max(self.asked, urgency)

    def begins(self) -> bool:
        """Whether the stop begins just now."""
        if self.event.is_set() or (self.parent and os.getppid() != self.parent):
            self.ask(1)
        if not self.asked or self.since:
            return False
        self.since = time.monotonic()
        systemd.notify(systemd.STOPPING)
        return True

    @property
    def is_over_grace(self) -> bool:
        return bool(self.since) and (self.asked >= AT_ONCE or self._waited() > settings.Q_STOP_GRACE_SECONDS)

    @property
    def gives_up(self) -> bool:
        return bool(self.since) and self._waited() > settings.Q_STOP_GRACE_SECONDS + WITHOUT_DATABASE

    def _waited(self) -> float:
        return time.monotonic() - self.since
