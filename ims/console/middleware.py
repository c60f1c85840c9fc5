"""Count answered requests by view, for /metrics; only where METRICS_TOKEN is set.

Each web process counts in memory and adds its counts to the database every few seconds, so that all of them
are told as one. A process that is killed takes the counts of its last seconds along.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse

from scheduling import http_counts

EVERY = 10.0  # seconds between two writings
LENGTH = 200  # of a view's name, as far as it is kept
UNKNOWN = "(none)"  # an address that leads nowhere, or that a middleware answered


class CountRequestsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.lock = threading.Lock()
        self.counts: http_counts.Counts = {}
        self.written_at = time.monotonic()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        if settings.METRICS_TOKEN:
            self.count(request, response, time.perf_counter() - started)
        return response

    def count(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        match = request.resolver_match
        method = request.method if request.method in http_counts.METHODS else "OTHER"
        key = (match.view_name[:LENGTH] if match else UNKNOWN, method, response.status_code)
        with self.lock:
            count, total = self.counts.get(key, (0, 0.0))
            self.counts[key] = (count + 1, total + seconds)
            is_time = time.monotonic() - self.written_at > EVERY
            ready = self.counts if is_time else {}
            if is_time:
                self.counts, self.written_at = {}, time.monotonic()
        if ready:
            self.write(ready)

    def write(self, counts: http_counts.Counts) -> None:
        with suppress(DatabaseError, InterfaceError):  # figures are not worth a failed request
            http_counts.add(counts)
