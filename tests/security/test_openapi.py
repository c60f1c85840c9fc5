"""Schemathesis asks every operation of the OpenAPI what no program should: no crash, nothing undocumented."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as effort
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from knox.models import AuthToken
from rest_framework.throttling import SimpleRateThrottle
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from tests.security.world import SUPERUSER, World

served = get_wsgi_application()
FEW = 2  # examples of each operation in the normal run, for what there is
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture
def api(world: World, monkeypatch) -> Iterator[Any]:
    """The OpenAPI as it is served."""
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *_: True)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)  # as Django's own test client: we ask within a transaction
    yield schemathesis.openapi.from_wsgi("/api/schema/?format=json", closing, headers=token(world))
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def closing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """IMS, with files closed as a server does."""
    answer = served(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


def token(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {AuthToken.objects.create(world.people[SUPERUSER])[1]}"}


def complaints(operation: APIOperation, world: World, count: int) -> Iterator[str]:
    """What is wrong with an operation; if asked often, also wrongly, and for what there is not."""
    headers = token(world)
    values = world.values(operation.path.replace("{id}", "{pk}"))
    values["id"] = values.get("pk")
    there = {name: value for name, value in values.items() if f"{{{name}}}" in operation.path}
    right, wrong = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    ways = [(right, there), (wrong, there), (right, {}), (wrong, {})] if count > FEW else [(right, there)]
    for mode, known in ways if there else ways[:2]:
        try:
            ask(operation.as_strategy(mode, path_parameters=known or None), headers, count)
        except Unsatisfiable:
            continue  # no request of this kind is wrong
        except (FailureGroup, Failure) as error:
            yield f"{mode.value} {known}: {told(error)}"


def told(error: Failure | FailureGroup) -> str:
    failures = error.exceptions if isinstance(error, FailureGroup) else [error]
    return "; ".join(" ".join(f"{each.title}: {each.message}".split())[:400] for each in failures)


def ask(cases: SearchStrategy[Case], headers: dict[str, str], count: int) -> None:
    """So many requests, of which none leaves a trace."""

    @effort(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(case=cases)
    def each(case: Case) -> None:
        with transaction.atomic():
            answer = case.call(headers=headers)
            transaction.set_rollback(True)
        case.validate_response(answer, checks=CHECKS, headers=headers)

    each()


def wrong(api: Any, world: World, beginning: str, count: int) -> dict[str, list[str]]:
    operations = [result.ok() for result in api.get_all_operations()]
    asked = [each for each in operations if each.path.startswith(beginning)]
    assert asked
    return {each.label: found for each in asked if (found := list(complaints(each, world, count)))}


@pytest.mark.once
def test_no_operation_crashes_or_answers_what_is_not_documented(api, world: World) -> None:
    assert wrong(api, world, "/api/", FEW) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "beginning",
    [
        "/api/auth/",
        "/api/cross-dock/",
        "/api/d",  # devices and drivers
        "/api/eic/",
        "/api/invoices/",
        "/api/licensing/",
        "/api/masterdata/",
        "/api/notices/",
        "/api/scheduling/",
        "/api/trips/",
    ],
)
def test_no_operation_crashes_however_long_it_is_asked(api, world: World, beginning: str) -> None:
    assert wrong(api, world, beginning, 60) == {}
