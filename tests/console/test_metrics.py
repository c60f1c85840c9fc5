"""/metrics: who may read it, and that it tells what is so."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ims.console import middleware
from scheduling import queues, rollups, schedules
from scheduling.testing import drain
from tests.site import tasks

pytestmark = pytest.mark.django_db
TOKEN = "a-token-for-tests-of-metrics"


@pytest.fixture
def read(client, settings):
    """The value of each sample by its name and labels."""
    settings.METRICS_TOKEN = TOKEN

    def samples():
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
        assert all(
            re.fullmatch(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[\d.e+-]+', line)
            for line in lines
        )
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    return samples


def test_without_a_token_set_only_a_superuser_may_read(client, operator, admin, settings):
    assert settings.METRICS_TOKEN == ""
    for header in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}):
        assert client.get("/metrics", headers=header).status_code == 401
    client.force_login(operator)
    assert client.get("/metrics").status_code == 401
    client.force_login(admin)
    assert client.get("/metrics").status_code == 200


def test_a_token_must_be_the_right_one(client, settings):
    settings.METRICS_TOKEN = TOKEN
    for header in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Token {TOKEN}"}):
        assert client.get("/metrics", headers=header).status_code == 401
    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_it_tells_what_waits_what_ended_and_how_long_it_took(read):
    schedules.sync()
    tasks.fail.enqueue("no")
    for _ in range(2):
        tasks.leave_effect.enqueue()
    drain()
    tasks.urgent.enqueue("waits")
    queues.pause("low_priority")
    rollups.catch_up(timezone.now() + timedelta(minutes=1))
    told = read()
    assert told['ims_queue_jobs{queue="high_priority",state="waiting"}'] == 1
    assert told['ims_queue_oldest_seconds{queue="high_priority"}'] > 0
    assert told['ims_queue_paused{queue="low_priority"}'] == 1
    labels = 'task="tests.leave_effect",queue="normal"'
    assert told[f'ims_jobs_total{{{labels},outcome="succeeded"}}'] == 2
    assert told['ims_jobs_total{task="tests.fail",queue="normal",outcome="failed"}'] == 1
    assert told['ims_jobs_total{task="tests.fail",queue="normal",outcome="retried"}'] == 2
    assert told[f'ims_job_run_seconds_bucket{{{labels},le="+Inf"}}'] == 2
    assert told[f"ims_job_run_seconds_count{{{labels}}}"] == 2
    assert told['ims_clusters{state="alive"}'] == 0
    assert any(name.startswith("ims_schedule_late_seconds{") for name in told)


def test_requests_of_all_processes_are_counted_by_view(read, client, monkeypatch):
    monkeypatch.setattr(middleware, "EVERY", 0)
    for _ in range(3):
        client.get("/healthz")
    client.get("/nowhere")
    told = read()
    assert told['ims_http_requests_total{view="healthz",method="GET",status="200"}'] == 3
    assert told['ims_http_requests_total{view="(none)",method="GET",status="404"}'] == 1


def test_it_costs_the_same_however_long_the_history_is(read, client):
    def statements():
        with CaptureQueriesContext(connection) as captured:
            read()
        return [query["sql"] for query in captured]

    few = statements()
    for _ in range(20):
        tasks.leave_effect.enqueue()
    drain()
    rollups.catch_up(timezone.now() + timedelta(minutes=1))
    many = statements()
    assert len(many) == len(few)
    history = [sql for sql in many if '"django_q_task"' in sql]
    assert [sql for sql in history if '"stopped" >= ' not in sql] == []
