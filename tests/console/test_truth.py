"""What the console says is what is: real clusters are started, stalled, killed and stopped; page, REST and
commands tell the same, and it is the truth, within five seconds."""

import json
import os
import re
import signal
from datetime import timedelta
from html import unescape
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from scheduling import actions, job, queues, rollups, schedules
from scheduling.models import Heartbeat
from tests.site import tasks
from tests.site.models import Effect

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.heavy]
SOON = 5.0  # seconds
ROW = re.compile(r'<tr id="queue-(\w+)">(.*?)</tr>', re.S)
NUMBER = re.compile(r'<td class="num"[^>]*>(.*?)</td>', re.S)
CLUSTER = re.compile(r'<section class="card" aria-labelledby="cluster-\d+">(.*?)</section>', re.S)
BADGE = re.compile(r'<span class="ims-badge"[^>]*>(.*?)</span>', re.S)
RUNNING = re.compile(r'<a class="mono" href="/console/jobs/\w+/">(.*?)</a>')


def words(html):
    return unescape(re.sub(r"<[^>]+>", "", html)).strip()


class Views:
    """Three ways to look: each tells clusters as (state, what they run), `normal` as (waiting, running)."""

    def __init__(self, client, rest):
        self.client, self.rest = client, rest

    def page(self):
        return self.client.get("/console/").content.decode()

    def by_page(self):
        html = self.page()
        states = {"Not heard of": "silent", "Dead": "dead"}
        clusters = [
            (states.get(words(BADGE.search(card)[1]), "alive"), RUNNING.findall(card))
            for card in CLUSTER.findall(html)
        ]
        waiting, running = (
            int(words(cell)) for cell in NUMBER.findall(dict(ROW.findall(html))["normal"])[:2]
        )
        return clusters, (waiting, running)

    def by_rest(self):
        clusters = [
            (row["state"], [each["task"] for each in row["running"]])
            for row in self.rest.get("/api/scheduling/clusters/").json()["results"]
        ]
        rows = {row["name"]: row for row in self.rest.get("/api/scheduling/queues/").json()["results"]}
        return clusters, (rows["normal"]["waiting"], rows["normal"]["running"])

    def by_command(self):
        active = told("inspect", "active")
        clusters = [
            (row["state"], [each["task"] for each in active if each["cluster"] == row["cluster"]])
            for row in told("inspect", "stats")
        ]
        rows = {row["name"]: row for row in told("queues", "list")}
        return clusters, (rows["normal"]["waiting"], rows["normal"]["running"])

    def agree_on(self, clusters, waiting=0, running=0):
        """Whether all three say so now."""
        return all(
            look() == (clusters, (waiting, running)) for look in (self.by_page, self.by_rest, self.by_command)
        )

    def job(self, job):
        """What page and REST say of a job's cluster."""
        told = self.rest.get(f"/api/scheduling/jobs/{job.id}/").json()["cluster_state"]
        return told, self.client.get(f"/console/jobs/{job.id}/").content.decode()


def told(*command):
    out = StringIO()
    call_command(*command, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def views(api, client, operator):
    """No schedule adds jobs of its own to what is counted here."""
    schedules.sync()
    for each in schedules.all_statuses():
        schedules.stop(each.name)
    client.force_login(operator)
    return Views(client, api(operator))


def test_a_cluster_is_shown_as_it_is_while_it_runs_stalls_and_goes_on(qcluster, wait_for, views, client):
    assert client.get("/readyz").status_code == 503
    qcluster("--workers", "2")
    wait_for(lambda: views.agree_on([("alive", [])]), 20)
    assert "2 workers idle" in views.page()
    assert client.get("/readyz").status_code == 200
    job = tasks.sleep.enqueue(60)
    wait_for(lambda: views.agree_on([("alive", ["tests.sleep"])], running=1), SOON)
    assert "1 worker idle" in views.page()
    assert views.job(job)[0] == ""
    supervisor = Heartbeat.objects.get().pid
    os.kill(supervisor, signal.SIGSTOP)
    try:
        tasks.leave_effect.enqueue()
        wait_for(lambda: views.agree_on([("silent", ["tests.sleep"])], waiting=1, running=1), SOON)
        page = views.page()
        assert "idle" not in page
        assert "1 with silent or dead clusters" in page
        assert "No living cluster: no job runs." in page
        state, page = views.job(job)
        assert state == "silent"
        assert "nobody knows whether this job runs" in page
        assert client.get("/readyz").status_code == 503
    finally:
        os.kill(supervisor, signal.SIGCONT)
    wait_for(lambda: views.agree_on([("alive", ["tests.sleep"])], running=1), SOON)


def test_a_killed_worker_is_replaced_and_its_job_is_shown_in_its_next_attempt(qcluster, wait_for, views):
    qcluster("--workers", "1")
    job = tasks.tell_and_sleep.enqueue("told", 30)
    wait_for(lambda: views.agree_on([("alive", ["tests.tell_and_sleep"])], running=1), 20)
    [running] = told("inspect", "active")
    os.kill(running["worker"], signal.SIGKILL)
    wait_for(
        lambda: [(each["attempt"], each["job"]) for each in told("inspect", "active")] == [(2, job.id)], SOON
    )
    assert views.agree_on([("alive", ["tests.tell_and_sleep"])], running=1)
    assert "worker died: signal 9" in views.job(job)[1]


def test_a_killed_cluster_is_dead_with_what_it_ran_and_a_stopped_one_is_gone(qcluster, wait_for, views):
    killed = qcluster("--workers", "1")
    job = tasks.sleep.enqueue(60)
    wait_for(lambda: views.agree_on([("alive", ["tests.sleep"])], running=1), 20)
    killed.kill()
    wait_for(lambda: views.agree_on([("dead", ["tests.sleep"])], running=1), SOON)
    assert "idle" not in views.page()
    state, page = views.job(job)
    assert state == "dead"
    assert "Its cluster is dead: nobody runs this job now." in page
    assert "its cluster is dead" in views.client.get("/console/jobs/?state=running").content.decode()
    stopped = qcluster("--workers", "1", "--queues", "low_priority", Q_STOP_GRACE_SECONDS="1")
    wait_for(lambda: ("alive", []) in views.by_rest()[0], 20)
    assert "No living cluster serves high_priority, normal." in views.page()
    stopped.terminate()
    stopped.process.wait(20)
    assert [
        look()[0] for look in (views.by_page, views.by_rest, views.by_command) if ("alive", []) in look()[0]
    ] == []


def test_a_paused_queue_stands_still_in_a_real_cluster_until_it_is_resumed(qcluster, wait_for, views):
    queues.pause("normal")
    tasks.leave_effect.enqueue("paused")
    urgent = tasks.urgent.enqueue("urgent")
    qcluster("--workers", "1")
    wait_for(lambda: urgent.state == "succeeded", 20)
    assert list(Effect.objects.values_list("name", flat=True)) == ["urgent"]
    wait_for(lambda: views.agree_on([("alive", [])], waiting=1), SOON)
    queues.resume("normal")
    wait_for(lambda: Effect.objects.count() == 2, SOON)


class Figures:
    """How many jobs of each outcome there are, as each place tells it."""

    def __init__(self, client, rest, token):
        self.client, self.rest, self.token = client, rest, token

    def by_lists(self):
        found = {}
        for state in ("succeeded", "failed", "cancelled"):
            rows = self.rest.get(f"/api/scheduling/jobs/?state={state}").json()["results"]
            found[state] = sum(row["task"].startswith("tests.") for row in rows)
        return found

    def by_rest(self):
        return self.sum_of(self.rest.get("/api/scheduling/figures/?span=day").json()["tasks"])

    def by_command(self):
        return self.sum_of(told("inspect", "figures"))

    def sum_of(self, tasks):
        mine = [row for row in tasks if row["task"].startswith("tests.")]
        failed, cancelled = (sum(row[name] for row in mine) for name in ("failed", "cancelled"))
        ended = sum(row["count"] for row in mine)
        return {"succeeded": ended - failed - cancelled, "failed": failed, "cancelled": cancelled}

    def by_page(self):
        found = {"succeeded": 0, "failed": 0, "cancelled": 0}
        for task in ("tests.leave_effect", "tests.fail"):
            html = self.client.get(f"/console/charts/?span=hour&task={task}").content.decode()
            counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) were cancelled", html).groups()
            found = {name: found[name] + int(n) for name, n in zip(found, counts, strict=True)}
        return found

    def by_metrics(self):
        found = {"succeeded": 0, "failed": 0, "cancelled": 0, "retried": 0}
        for outcome, count in re.findall(
            r'ims_jobs_total\{task="tests\.[^}]*outcome="(\w+)"\} (\d+)', self.metrics()
        ):
            found[outcome] += int(count)
        return found

    def metrics(self):
        return self.client.get("/metrics", headers={"Authorization": f"Bearer {self.token}"}).content.decode()


def test_charts_lists_rest_commands_and_metrics_agree_with_what_a_real_cluster_did(
    qcluster, wait_for, views, settings
):
    settings.METRICS_TOKEN = "a-token-for-tests-of-metrics"
    figures = Figures(views.client, views.rest, settings.METRICS_TOKEN)
    queues.pause("low_priority")
    tasks.patient.enqueue("waits")
    jobs = [tasks.leave_effect.enqueue() for _ in range(3)] + [tasks.fail.enqueue("on fire")]
    later = tasks.leave_effect.enqueue_at(timezone.now() + timedelta(hours=1))
    actions.cancel(later.id)
    qcluster("--workers", "2")
    wait_for(lambda: [job.state for job in jobs] == ["succeeded"] * 3 + ["failed"], 30)

    def agree_on(told):
        rollups.catch_up(timezone.now() + rollups.SETTLE)
        assert figures.by_lists() == figures.by_rest() == figures.by_command() == figures.by_page() == told

    agree_on({"succeeded": 3, "failed": 1, "cancelled": 1})
    assert figures.by_metrics() == {"succeeded": 3, "failed": 1, "cancelled": 1, "retried": 2}
    assert 'ims_queue_jobs{queue="low_priority",state="waiting"} 1\n' in figures.metrics()
    wait_for(lambda: 'ims_workers{state="idle"} 2\n' in figures.metrics(), SOON)
    wait_for(lambda: views.agree_on([("alive", [])]), SOON)
    asked = {"action": "delete", "state": "succeeded", "task": "tests.leave_effect"}
    assert views.rest.get("/api/scheduling/bulk/", asked).json()["count"] == 3
    act = views.rest.post("/api/scheduling/bulk/", asked, format="json").json()["job_id"]
    assert job(act).result(20) == {"done": 3, "skipped": 0}
    assert figures.by_lists()["succeeded"] == 0
    rollups.catch_up(timezone.now() + rollups.SETTLE)
    assert (
        figures.by_page()["succeeded"] == figures.by_metrics()["succeeded"] == 3
    )  # they outlive the history
    tasks.sleep.enqueue(4)  # longer than between two heartbeats, which tell of it
    wait_for(lambda: views.agree_on([("alive", ["tests.sleep"])], running=1), SOON)
    call_command("queues", "quiet", "--wait", "20", stdout=StringIO())
    assert Effect.objects.filter(name="slept").count() == 1
    assert views.rest.post("/api/scheduling/wake/").json()["changed"]
