"""Logs are one JSON object a line, and tell no secret."""

import json
import logging
import sys

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import ResolverMatch

from ims.lib import logs


def line_of(message: str = "hello", *arguments: object, **extra: object) -> dict:
    record = logging.LogRecord(
        "ims", logging.INFO, __file__, 1, message, arguments, extra.pop("exc_info", None)
    )
    vars(record).update(extra)
    return json.loads(logs.JsonFormatter().format(record))


@pytest.fixture
def requests_seen(caplog) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "ims.request")
    return caplog


def answer(request, status: int = 200) -> HttpResponse:
    return logs.RequestLogMiddleware(lambda _: HttpResponse(status=status))(request)


def test_a_line_says_when_how_grave_who_and_what() -> None:
    line = line_of("hello %s", "world")
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "ims", "hello world")
    assert line["at"].endswith("+00:00")


def test_a_line_carries_the_context_of_its_job() -> None:
    token = logs.context.set({"job": "abc"})
    assert line_of()["job"] == "abc"
    logs.context.reset(token)


def test_a_line_carries_facts() -> None:
    assert line_of(facts={"rows": 7})["rows"] == 7


def test_a_crash_is_one_line_with_its_traceback() -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        line = line_of(exc_info=sys.exc_info())
    assert "RuntimeError: broken" in line["traceback"]


def test_a_value_json_does_not_know_is_written_as_text() -> None:
    assert line_of(facts={"of": {1}})["of"] == "{1}"


def test_a_request_is_one_line_with_status_and_duration(requests_seen) -> None:
    response = answer(RequestFactory().get("/shipments/"), 404)
    [record] = requests_seen.records
    assert record.getMessage() == "GET /shipments/ 404"
    assert record.facts["ms"] >= 0
    assert len(response["X-Request-Id"]) == 16


def test_the_query_is_never_logged(requests_seen) -> None:
    answer(RequestFactory().get("/share/?token=hidden"))
    assert "hidden" not in requests_seen.messages[0]


def test_a_secret_part_of_the_path_is_masked(requests_seen) -> None:
    request = RequestFactory().get("/webhook/hidden/")
    request.resolver_match = ResolverMatch(answer, (), {"secret": "hidden"})
    answer(request)
    assert requests_seen.messages[0] == "GET /webhook/…/ 200"


def test_health_checks_are_not_logged(requests_seen) -> None:
    answer(RequestFactory().get("/healthz"))
    assert requests_seen.messages == []
