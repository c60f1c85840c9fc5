"""Logs as one JSON object a line, with the request or job that wrote each line."""

import json
import logging
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse

context: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)  # e.g. {"job": "…"}
collector: ContextVar[Callable[[logging.LogRecord], None] | None] = ContextVar("log_collector", default=None)
logger = logging.getLogger("ims.request")
QUIET = ("/static/", "/healthz", "/readyz")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **(context.get() or {}),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class CollectingHandler(logging.Handler):
    """Gives each record to whoever collects what is logged in this context, as a running job does."""

    def emit(self, record: logging.LogRecord) -> None:
        if collect := collector.get():
            try:
                collect(record)
            except Exception:  # a line that cannot be written never harms who wrote it
                self.handleError(record)


class RequestLogMiddleware:
    """One line a request: method, path (never its query, which may hold secrets), status, milliseconds."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        request_id = uuid.uuid4().hex[:16]
        token = context.set({"request": request_id})
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = request_id
            if not request.path.startswith(QUIET):
                facts = {
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                }
                logger.info(
                    "%s %s %s",
                    request.method,
                    masked_path(request),
                    response.status_code,
                    extra={"facts": facts},
                )
            return response
        finally:
            context.reset(token)


def masked_path(request: HttpRequest) -> str:
    """The path with the values of the route's secret parts hidden."""
    path = request.path
    match = request.resolver_match
    for name, value in (match.kwargs if match else {}).items():
        if name in {"secret", "token"}:
            path = path.replace(str(value), "…")
    return path
