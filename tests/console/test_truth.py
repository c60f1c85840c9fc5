"""What the console says is what is: real clusters are started, stalled, killed and stopped; page, REST and
command agree with the truth within five seconds."""

import json
import os
import signal
from io import StringIO

import pytest
from django.core.management import call_command

from scheduling import queues
from scheduling.models import Heartbeat
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.django_db(transaction=True)
SOON = 5.0  # seconds


@pytest.fixture
def views(api, client, operator):
    """Three ways to look at the one cluster; each says (state, what it runs)."""
    client.force_login(operator)
    rest = api(operator)

    def by_rest():
        return [(row["state"], [each["task"] for each in row["running"]])
                for row in rest.get("/api/scheduling/clusters/").json()["results"]]  # fmt: skip

    def by_command():
        out = StringIO()
        call_command("inspect", "stats", "--json", stdout=out)
        return [row["state"] for row in json.loads(out.getvalue())]

    def by_page():
        return client.get("/console/").content.decode()

    return by_rest, by_command, by_page


def test_a_cluster_is_shown_as_it_is_while_it_runs_stalls_and_goes_on(qcluster, wait_for, views, client):
    by_rest, by_command, by_page = views
    assert client.get("/readyz").status_code == 503
    qcluster("--workers", "2")
    wait_for(lambda: by_rest() == [("alive", [])], 20)
    assert by_command() == ["alive"]
    assert "2 workers idle" in by_page()
    assert client.get("/readyz").status_code == 200
    tasks.sleep.enqueue(60)
    wait_for(lambda: by_rest() == [("alive", ["tests.sleep"])], SOON)
    page = by_page()
    assert "tests.sleep" in page
    assert "1 worker idle" in page
    supervisor = Heartbeat.objects.get().pid
    os.kill(supervisor, signal.SIGSTOP)
    try:
        wait_for(lambda: by_rest() == [("silent", ["tests.sleep"])], SOON)
        page = by_page()
        assert "not heard of" in page
        assert "idle" not in page
        assert "No living cluster: no job runs." in page
        assert by_command() == ["silent"]
        assert client.get("/readyz").status_code == 503
    finally:
        os.kill(supervisor, signal.SIGCONT)
    wait_for(lambda: by_rest()[0][0] == "alive", SOON)


def test_a_killed_cluster_is_dead_and_a_stopped_one_is_gone(qcluster, wait_for, views):
    by_rest, by_command, by_page = views
    killed = qcluster("--workers", "1")
    wait_for(lambda: by_rest() == [("alive", [])], 20)
    killed.kill()
    wait_for(lambda: by_rest() == [("dead", [])], SOON)
    assert by_command() == ["dead"]
    assert "idle" not in by_page()
    stopped = qcluster("--workers", "1")
    wait_for(lambda: ("alive", []) in by_rest(), 20)
    stopped.terminate()
    stopped.process.wait(20)
    assert [state for state, _ in by_rest() if state == "alive"] == []


def test_a_paused_queue_stands_still_in_a_real_cluster_until_it_is_resumed(qcluster, wait_for, views):
    queues.pause("normal")
    tasks.leave_effect.enqueue("paused")
    urgent = tasks.urgent.enqueue("urgent")
    qcluster("--workers", "1")
    wait_for(lambda: urgent.state == "succeeded", 20)
    assert list(Effect.objects.values_list("name", flat=True)) == ["urgent"]
    queues.resume("normal")
    wait_for(lambda: Effect.objects.count() == 2, SOON)
