"""The console's pages: what they show, who may open them and who may act."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_chain

from scheduling import actions, packages, schedules, unknown_tasks
from scheduling.models import QueuedJob
from scheduling.testing import drain
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.django_db


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


def test_the_start_button_keeps_an_interval_that_only_the_form_takes_back(client, operator):
    schedules.start("site_every", 7)
    client.force_login(operator)
    client.post("/console/schedules/site_every/stop/")
    client.post("/console/schedules/site_every/start/")
    assert schedules.status("site_every").interval_minutes == 7
    client.post("/console/schedules/site_every/start/", {"interval": ""})
    assert schedules.status("site_every").interval_minutes == 10


def test_a_part_answers_nothing_while_nothing_moved(client, operator, job):
    client.force_login(operator)
    fresh = client.get("/console/jobs/")
    seen = fresh.context["seen"]
    assert client.get(f"/console/jobs/?seen={seen}", headers={"HX-Request": "true"}).status_code == 204
    drain()
    moved = client.get(f"/console/jobs/?seen={seen}", headers={"HX-Request": "true"})
    assert (moved.status_code, b"<html" in moved.content) == (200, False)


def test_a_reader_is_offered_no_action(client, reader, job):
    schedules.sync()
    client.force_login(reader)
    for path in (
        "/console/",
        f"/console/jobs/{job.id}/",
        "/console/schedules/",
        "/console/schedules/site_every/",
    ):
        html = client.get(path).content.decode()
        assert not [
            word
            for word in ("formaction", "data-dialog", "<dialog", 'method="post" action="/console')
            if word in html
        ]


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


def test_what_cannot_be_undone_asks_first_and_names_the_consequence(page, job):
    schedules.sync()
    html = page("job", job.id)
    assert f'action="{reverse("console:cancel", args=[job.id])}"' in html.partition("<dialog")[2]
    assert "what it has done so far stays done" in html
    assert 'data-dialog="stop-site_every"' in page("schedules")
    assert "until somebody starts it again" in page("schedule", "site_every")


def test_a_job_that_was_refused_before_it_started_is_grouped_with_the_reason(page):
    job = tasks.leave_effect.enqueue()
    QueuedJob.objects.update(
        payload=packages.dumps({**packages.loads(QueuedJob.objects.get().payload), "func": "os.system"})
    )
    drain()
    assert "No cluster that met this job knew its task" in page("job", job.id)
    QueuedJob.objects.update(started_at=timezone.now() - unknown_tasks.PATIENCE)
    unknown_tasks.look()
    assert job.state == "failed"
    assert "os.system" in page("failures")
    assert "os.system" in page("jobs", query="?state=failed")
    assert "Attempt 1 failed" in page("job", job.id)


def test_a_step_of_a_chain_says_what_follows_and_that_a_repeat_is_alone(page):
    async_chain([(tasks.leave_effect.path, ("first",)), (tasks.leave_effect.path, ("second",))])
    step = QueuedJob.objects.get().job_id
    html = page("job", step)
    assert "<dt>Then</dt><dd>tests.leave_effect</dd>" in html
    assert "Run again repeats this job alone" in html
    assert "the steps of its chain that follow are not run either" in html
    again = actions.run_again(step)
    drain()
    assert Effect.objects.filter(name="first").count() == 2
    assert Effect.objects.filter(name="second").count() == 1
    assert "the steps after it are not queued again" in page("job", again.id)


def test_a_job_leads_to_the_schedule_that_queued_it(page):
    schedules.sync()
    job = schedules.run_now("site_every")
    assert reverse("console:schedule", args=["site_every"]) in page("job", job.id)


def test_the_audit_log_leads_to_what_each_entry_is_about(page, job, operator):
    schedules.sync()
    schedules.stop("site_every", user=operator)
    actions.cancel(job.id, user=operator)
    html = page("audit")
    assert f'href="/console/jobs/{job.id}/"' in html
    assert 'href="/console/schedules/site_every/"' in html


@pytest.mark.parametrize("path", ["failures/", "schedules/site_every/", "schedules/"])
def test_lists_fetch_themselves_and_hear_of_what_happens(client, operator, path):
    schedules.sync()
    client.force_login(operator)
    seen = client.get(f"/console/{path}").context["seen"]
    again = f"/console/{path}?seen={seen}"
    assert client.get(again, headers={"HX-Request": "true"}).status_code == 204
    tasks.fail_for_good.enqueue()
    schedules.stop("site_every")
    drain()
    moved = client.get(again, headers={"HX-Request": "true"})
    assert (moved.status_code, b"<html" in moved.content) == (200, False)


def test_dispatch_leads_to_its_jobs_and_they_lead_back(client, admin, page):
    from logistics.tasks import check_expired_driver_assignments

    client.force_login(admin)
    job = check_expired_driver_assignments.enqueue()
    for path in (reverse("logistics:board"), reverse("logistics:deliveries")):
        assert 'href="/console/jobs/?q=logistics.' in client.get(path).content.decode()
    assert job.id in client.get("/console/jobs/?q=logistics.").content.decode()
    assert '">Dispatch</a></dd>' in client.get(f"/console/jobs/{job.id}/").content.decode()
