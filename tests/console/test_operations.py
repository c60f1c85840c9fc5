"""The pages of operations: charts, all that match, tasks by hand, mutes, quiet mode, alerts."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from scheduling import failures, queues, rollups
from scheduling.models import QueuedJob
from scheduling.operation_models import Incident
from scheduling.testing import drain, enqueued
from tests.site import tasks

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, operator):
    client.force_login(operator)
    return lambda name, *args, query="": client.get(
        reverse(f"console:{name}", args=args) + query
    ).content.decode()


def test_the_charts_of_nothing_say_so_and_of_something_tell_it_in_words(page):
    fresh = page("charts")
    assert "no minute is counted yet" in fresh
    assert "python manage.py qcluster" in fresh
    assert "Nothing ended" in fresh
    tasks.fail_for_good.enqueue()
    tasks.leave_effect.enqueue()
    drain()
    rollups.catch_up(timezone.now() + timedelta(minutes=1))
    html = page("charts", query="?span=day")
    assert "1 succeeded, 1 failed, 0 were cancelled." in html
    assert "tests.leave_effect" in html
    assert 'data-state="failed" d="M' in html
    assert "span: give one of" in page("charts", query="?span=nosuch")


def test_all_that_match_are_counted_and_asked_for_before_a_job_does_it(page, client):
    jobs = [tasks.fail_for_good.enqueue() for _ in range(3)]
    drain()
    html = page("jobs", query="?state=failed&task=tests.fail_for_good")
    assert "action=retry&amp;state=failed&amp;task=tests.fail_for_good" in html
    assert "Delete all" in html
    query = "?action=retry&state=failed&task=tests.fail_for_good"
    assert "Retry 3 jobs?" in page("bulk", query=query)
    assert "<dt>Search</dt><dd>fire</dd>" in page("bulk", query="?action=retry&state=failed&q=fire")
    answer = client.post(
        "/console/bulk/", {"action": "retry", "state": "failed", "task": "tests.fail_for_good"}
    )
    assert QueuedJob.objects.get().job_id in answer.headers["Location"]
    drain(["high_priority"])
    assert {job.state for job in jobs} == {"waiting"}
    assert "to delete all, give one of" in page("bulk", query="?action=delete&state=waiting")


def test_a_list_without_a_state_offers_nothing_for_all(page):
    tasks.leave_effect.enqueue()
    assert "All that match" not in page("jobs")
    assert "Cancel all" in page("jobs", query="?state=waiting")


def test_a_task_is_enqueued_by_its_form_and_faults_stand_at_their_fields(page, client):
    assert reverse("console:task", args=["tests.echo"]) in page("tasks")
    address = reverse("console:task", args=["tests.only_one"])
    answer = client.post(address, {"key": "a", "size": "many"})
    assert answer.status_code == 400
    html = answer.content.decode()
    assert "Give a whole number, e.g. 12." in html
    assert 'value="many"' in html
    assert client.post(address, {"key": "7", "size": ""}).status_code == 302
    assert enqueued(tasks.only_one) == [{"key": 7}]
    assert client.get("/console/tasks/scheduling.act_on_all/").status_code == 404


def test_a_secret_is_not_written_back_into_the_form(page, client):
    address = reverse("console:task", args=["tests.speak"])
    html = client.post(address, {"lines": "x", "secret": "hunter2"}).content.decode()
    assert "hunter2" not in html
    assert 'type="password"' in html


def test_a_job_may_be_enqueued_for_later(client, operator):
    client.force_login(operator)
    client.post(reverse("console:task", args=["tests.echo"]), {"text": "x", "start at": "2099-01-01T09:30"})
    assert QueuedJob.objects.get().lock == datetime(2099, 1, 1, 4, 0, tzinfo=UTC)  # in India


def test_a_group_of_failures_is_muted_and_heard_again(page, client):
    tasks.fail_for_good.enqueue()
    drain()
    [group] = failures.groups()
    query = {"task": group.task, "error": group.error}
    client.post(reverse("console:mute", query={**query, "how": "week"}))
    html = page("failures")
    assert "by operator" in html
    assert "Unmute" in html
    client.post(reverse("console:unmute", query=query))
    assert "by operator" not in page("failures")
    answer = client.post(reverse("console:mute", query={**query, "how": "ever"}), follow=True)
    assert "how: give one of" in answer.content.decode()
    log = page("audit")
    assert "failure.mute" in log
    assert "failure.unmute" in log


def test_a_list_of_failures_that_is_cut_says_of_how_many(page, monkeypatch):
    monkeypatch.setattr(failures, "GROUPS", 2)
    for words in ("a", "b", "a"):
        tasks.fail.enqueue(words)
    drain()
    assert "groups that failed last" not in page("failures")
    tasks.fail.enqueue("c")
    drain()
    assert "The 2 groups that failed last, of 3." in page("failures")


def test_quiet_mode_is_begun_shown_and_ended(page, client):
    assert 'data-dialog="quiet"' in page("overview")
    client.post("/console/quiet/")
    html = page("overview")
    assert "Nothing runs any more: deploy now." in html
    assert "normal is paused by" not in html
    client.post("/console/wake/")
    assert not queues.is_quiet()


def test_alerts_say_what_goes_on_and_that_nobody_is_warned(page, settings):
    html = page("alerts")
    assert "Nobody is warned." in html
    Incident.objects.create(key="starved:normal", text="The oldest job of normal waits for 900 s.")
    settings.ALERT_EMAILS = ["a@example.com"]
    html = page("alerts")
    assert "waits for 900 s" in html
    assert "Goes on" in html
    assert "Nobody is warned." not in html
    assert "told to 1 e-mail address</span>" in html
    settings.ALERT_WEBHOOK = "https://example.com/hook"
    assert "told to 1 e-mail address and the webhook" in page("alerts")
    settings.ALERT_EMAILS = []
    assert ">told to the webhook<" in page("alerts")


def test_alerts_come_by_page_and_a_page_fetches_itself_anew(page):
    Incident.objects.bulk_create(
        Incident(key=f"late:{n}", text=f"Alert {n}.", ended_at=timezone.now()) for n in range(51)
    )
    assert "1–50 of 51" in page("alerts")
    second = page("alerts", query="?page=2")
    assert second.count("Alert ") == 1
    assert 'hx-get="/console/alerts/?page=2&amp;seen=' in second
