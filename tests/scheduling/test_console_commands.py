"""`jobs`, `queues`, `inspect` and `health`, as tables and as JSON."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from scheduling import health
from scheduling.models import QueuedJob
from scheduling.testing import drain
from tests.site import tasks

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_jobs_are_listed_and_shown():
    job = tasks.fail.enqueue("broken")
    drain()
    assert job.id in run("jobs", "list", "--state", "failed")
    assert json.loads(run("jobs", "list", "--text", "broken", "--json"))[0]["error"] == "ValueError: broken"
    shown = run("jobs", "show", job.id)
    assert "Attempt 3 failed at" in shown
    assert "message = broken" in shown
    assert json.loads(run("jobs", "show", job.id, "--json"))["state"] == "failed"
    assert run("jobs", "list", "--state", "running") == "No such job.\n"


def test_jobs_are_retried_and_cancelled():
    job = tasks.fail_for_good.enqueue()
    drain()
    assert run("jobs", "retry", job.id) == f"Queued for one more attempt: job {job.id}\n"
    assert json.loads(run("jobs", "cancel", job.id, "--json"))["state"] == "cancelled"


def test_a_purge_asks_first(monkeypatch):
    job = tasks.leave_effect.enqueue()
    monkeypatch.setattr("builtins.input", lambda: "n")
    with pytest.raises(CommandError, match="Nothing was purged"):
        run("jobs", "purge", "--queue", "normal")
    assert job.state == "waiting"
    monkeypatch.setattr("builtins.input", lambda: "y")
    assert "Cancels: 1 waiting jobs of normal. Go on?" in run(
        "jobs", "purge", "--queue", "normal", "--state", "waiting"
    )
    assert job.state == "cancelled"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["jobs", "show"], "give the job's id"),
        (["jobs", "show", "nosuch"], "no job 'nosuch'"),
        (["jobs", "list", "--state", "nosuch"], "state: give one of"),
        (["queues", "pause"], "name the queue"),
        (["queues", "pause", "nosuch"], "no queue 'nosuch'"),
        (["health", "--queues", "nosuch"], "unknown nosuch"),
    ],
)
def test_a_wrong_call_is_refused_with_the_cure(arguments, message):
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_queues_are_paused_resumed_and_listed():
    assert run("queues", "pause", "normal") == "Queue normal is paused.\n"
    assert "paused by the command line" in run("queues", "list")
    assert run("queues", "resume", "normal") == "Queue normal is resumed.\n"
    assert [row["paused"] for row in json.loads(run("queues", "list", "--json"))] == [False] * 3


def test_inspect_tells_what_is_there():
    later = tasks.leave_effect.enqueue_at(timezone.now() + timedelta(hours=1))
    assert "tests.leave_effect" in run("inspect", "registered")
    assert [row["job"] for row in json.loads(run("inspect", "scheduled", "--json"))] == [later.id]
    assert run("inspect", "active") == "No worker runs a job.\n"
    assert "Start one: python manage.py qcluster" in run("inspect", "stats")


def test_health_fails_without_a_cluster_and_names_a_starved_queue():
    tasks.leave_effect.enqueue()
    QueuedJob.objects.update(lock=timezone.now() - timedelta(hours=1))
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("health", "--queues", "normal", stdout=out)
    assert end.value.code == 1
    assert "FAIL cluster:normal" in out.getvalue()
    assert "FAIL starved:normal: The oldest job of normal waits for 36" in out.getvalue()


def test_readyz_needs_no_login_and_says_what_is_wrong(client):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    failing = [check["name"] for check in answer.json()["checks"] if not check["ok"]]
    assert failing == ["cluster:high_priority", "cluster:normal", "cluster:low_priority"]


def test_a_supervisor_is_told_of_dead_clusters_alone() -> None:
    """A restart does not shorten a queue, and does not bring the database back."""
    starved = [health.Check("database", True, ""), health.Check("starved:normal", False, "")]
    no_database = [health.Check("database", False, "")]
    dead = [health.Check("database", True, ""), health.Check("cluster:normal", False, "")]
    for found, well in ((starved, True), (no_database, True), (dead, False)):
        assert health.is_well(health.of_clusters(found)) is well


def test_health_for_a_supervisor_fails_where_no_cluster_lives(db) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("health", "--alive", "--here", stdout=StringIO())
    assert ended.value.code == 1
