"""The console's pages: what they show, who may open them and who may act."""

from datetime import timedelta

import pytest
from django.urls import reverse

from ims.lib.models import AuditLog
from scheduling import schedules
from scheduling.testing import drain
from tests.site import tasks

pytestmark = pytest.mark.django_db
PAGES = ["overview", "jobs", "failures", "schedules", "audit"]


@pytest.fixture
def job(db):
    return tasks.leave_effect.enqueue()


@pytest.fixture
def page(client, operator):
    client.force_login(operator)
    return lambda name, *args, query="": client.get(
        reverse(f"console:{name}", args=args) + query
    ).content.decode()


def test_without_a_cluster_the_page_says_so_with_the_cure(page, job):
    html = page("overview")
    assert "No living cluster: no job runs." in html
    assert "1 job waits there." in html


def test_the_list_says_what_the_search_covers_and_finds(page, job):
    html = page("jobs", query="?q=leave")
    assert "Arguments and results are not searched" in html
    assert reverse("console:job", args=[job.id]) in html
    assert "No such job" in page("jobs", query="?q=nothing+like+it")


def test_a_bad_filter_is_told_by_name(client, operator):
    client.force_login(operator)
    answer = client.get("/console/jobs/?state=nosuch")
    assert answer.status_code == 400
    assert "state: give one of" in answer.content.decode()


def test_a_job_shows_arguments_and_tracebacks(page):
    job = tasks.fail.enqueue("on fire")
    drain()
    html = page("job", job.id)
    assert html.count("Traceback (most recent call last)") == 3
    assert "ValueError: on fire" in html
    assert "tests.fail" in page("failures")


def test_a_secret_is_never_shown(page):
    job = tasks.with_secret.enqueue("hunter2")
    assert "hunter2" not in page("job", job.id) + page("jobs")
    drain()
    assert "hunter2" not in page("job", job.id) + page("jobs")


def test_a_schedule_is_given_another_interval_stopped_and_run(client, operator, page):
    schedules.sync()
    client.force_login(operator)
    client.post("/console/schedules/site_every/start/", {"interval": "7"})
    assert schedules.status("site_every").interval_minutes == 7
    client.post("/console/schedules/site_every/stop/")
    assert "stopped" in page("schedules")
    assert client.post("/console/schedules/site_every/run/").headers["Location"].startswith("/console/jobs/")
    assert "schedule.stop" in page("audit")
    assert (
        "Interval: give"
        in client.post(
            "/console/schedules/site_every/start/", {"interval": "x"}, follow=True
        ).content.decode()
    )


def test_a_part_answers_nothing_while_nothing_moved(client, operator, job):
    client.force_login(operator)
    fresh = client.get("/console/jobs/")
    seen = fresh.context["seen"]
    assert client.get(f"/console/jobs/?seen={seen}", headers={"HX-Request": "true"}).status_code == 204
    drain()
    moved = client.get(f"/console/jobs/?seen={seen}", headers={"HX-Request": "true"})
    assert (moved.status_code, b"<html" in moved.content) == (200, False)


@pytest.mark.parametrize("name", PAGES)
def test_operators_and_readers_look_and_nobody_else(client, operator, reader, stranger, operations, name):
    assert client.get(reverse(f"console:{name}")).status_code == 302
    for user, status in ((stranger, 403), (operations, 403), (reader, 200), (operator, 200)):
        client.force_login(user)
        assert client.get(reverse(f"console:{name}")).status_code == status


ACTIONS = [
    *(
        "jobs/{}/retry/",
        "jobs/{}/run-again/",
        "jobs/{}/cancel/",
        "queues/normal/pause/",
        "queues/normal/resume/",
    ),
    *("schedules/site_every/stop/", "schedules/site_every/start/", "schedules/site_every/run/"),
]


@pytest.mark.parametrize("action", ACTIONS)
def test_the_stranger_and_the_reader_act_on_nothing(client, reader, stranger, job, action):
    schedules.sync()
    for user in (stranger, reader):
        client.force_login(user)
        assert client.post(f"/console/{action.format(job.id)}").status_code == 403
    assert job.state == "waiting"
    assert not AuditLog.objects.exists()


def test_a_reader_is_offered_no_action(client, reader, job):
    schedules.sync()
    client.force_login(reader)
    for path in (
        "/console/",
        f"/console/jobs/{job.id}/",
        "/console/schedules/",
        "/console/schedules/site_every/",
    ):
        assert "formaction" not in client.get(path).content.decode()


def test_unknown_things_are_not_found(client, operator):
    client.force_login(operator)
    for path in ("/console/jobs/nosuch/", "/console/schedules/nosuch/"):
        assert client.get(path).status_code == 404
    assert client.post("/console/queues/nosuch/pause/").status_code == 404


def test_a_job_and_its_system_lead_to_one_another(client, admin):
    from masterdata import tracking_service

    client.force_login(admin)
    job = tracking_service.trigger_immediate_update()
    assert f'href="/console/jobs/{job.id}/"' in client.get("/shipments/").content.decode()
    assert 'href="/shipments/">Shipments' in client.get(f"/console/jobs/{job.id}/").content.decode()


def test_a_queue_that_the_living_do_not_serve_is_named(page, db):
    from django.utils import timezone

    from scheduling.models import Heartbeat

    now = timezone.now()
    Heartbeat.objects.create(
        cluster_id="0" * 32, workers=2, queues=["high_priority", "low_priority"], seen_at=now,
        lease_until=now + timedelta(seconds=30),
    )  # fmt: skip
    html = page("overview")
    assert "No living cluster serves normal." in html
    assert "qcluster --queues normal" in html
