"""Schedules, jobs and queues over REST."""

import pytest
from django.urls import reverse
from django_q.models import Schedule

from scheduling import schedules
from scheduling.models import QueuedJob
from scheduling.testing import drain
from tests.site import tasks

pytestmark = pytest.mark.django_db
CONTROL = "/api/scheduling/schedules/site_every/"


def post(client, data, path=CONTROL):
    return client.post(path, data, format="json")


def test_start_says_what_is_scheduled_and_warns_of_a_short_interval(api, operator):
    answer = post(api(operator), {"action": "start", "interval": 1}).json()
    assert answer["message"] == "Scheduled runs of site_every every 1 minute"
    assert "warning" in answer
    assert answer["schedule_id"]


def test_status_tells_the_row_and_nothing_once_stopped(api, operator):
    client = api(operator)
    post(client, {"action": "start", "interval": 90})
    [row] = post(client, {"action": "status"}).json()["schedules"]
    assert (row["name"], row["interval_minutes"], row["repeats"], row["task_count"]) == (
        "site_every", 90, "Indefinitely", 0,
    )  # fmt: skip
    post(client, {"action": "stop"})
    assert post(client, {"action": "status"}).json() == {"success": True, "active": False, "schedules": []}


def test_run_now_queues_a_job_that_can_be_followed(api, operator):
    client = api(operator)
    answer = post(client, {"action": "run_now"})
    assert answer.status_code == 202
    url = reverse("job", args=[answer.json()["job_id"]])
    assert client.get(url).json()["state"] == "waiting"
    drain()
    followed = client.get(url).json()
    assert (followed["state"], followed["task"]) == ("succeeded", "tests.every_ten_minutes")


@pytest.mark.parametrize("interval", [0, -1, 1.5, True, "60", 32768, [], {}])
def test_a_bad_interval_is_refused_by_name(api, operator, interval):
    answer = post(api(operator), {"action": "start", "interval": interval})
    assert answer.status_code == 400
    assert "interval" in answer.json()["error"]["fields"]


@pytest.mark.parametrize("data", [{}, {"action": "explode"}, {"action": None}, {"action": ["start"]}, []])
def test_a_missing_or_unknown_action_is_refused_by_name(api, operator, data):
    answer = post(api(operator), data)
    assert answer.status_code == 400
    assert "action" in answer.json()["error"]["fields"]


def test_an_interval_on_a_cron_is_refused(api, operator):
    answer = post(
        api(operator), {"action": "start", "interval": 5}, "/api/scheduling/schedules/site_nightly/"
    )
    assert answer.status_code == 400
    assert "cron" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/api/scheduling/schedules/no_such/", "/api/scheduling/jobs/nosuch/"])
def test_an_unknown_name_is_not_found(api, operator, path):
    assert api(operator).get(path).status_code == 404


@pytest.mark.parametrize("path", [CONTROL, "/api/scheduling/schedules/", "/api/scheduling/queues/"])
def test_who_may_look(api, anonymous_api, operator, reader, stranger, operations, path):
    assert anonymous_api.get(path).status_code == 401
    assert api(stranger).get(path).status_code == 403
    assert api(operations).get(path).status_code == 403
    assert api(reader).get(path).status_code == 200
    assert api(operator).get(path).status_code == 200


def test_only_operators_act(api, reader, stranger):
    schedules.sync()
    for user in (reader, stranger):
        assert post(api(user), {"action": "stop"}).status_code == 403
    assert schedules.status("site_every").active


def test_the_list_shows_stopped_schedules_too(api, operator):
    schedules.sync()
    schedules.stop("site_every")
    rows = {row["name"]: row for row in api(operator).get("/api/scheduling/schedules").json()["results"]}
    assert rows["site_every"]["active"] is False
    assert rows["site_nightly"]["cron"] == "30 2 * * *"


def test_the_detail_previews_the_next_runs(api, operator):
    client = api(operator)
    post(client, {"action": "start", "interval": 90})
    [row] = client.get(CONTROL).json()["schedules"]
    assert len(row["next_runs"]) == 5
    assert row["next_runs"][0] == row["next_run"]
    assert row["broken"] is None


def test_a_row_made_by_hand_is_listed_with_why_it_cannot_run_and_not_controlled(api, operator):
    made = Schedule.objects.create(func="os.system", schedule_type=Schedule.DAILY)
    client = api(operator)
    rows = {row["name"]: row for row in client.get("/api/scheduling/schedules/").json()["results"]}
    shown = rows[str(made.pk)]
    assert shown["handmade"] is True
    assert shown["broken"].startswith("func: 'os.system' is not a declared task")
    [row] = client.get(f"/api/scheduling/schedules/{made.pk}/").json()["schedules"]
    assert row == {**shown, "next_runs": []}
    answer = post(client, {"action": "stop"}, f"/api/scheduling/schedules/{made.pk}/")
    assert answer.status_code == 400
    assert "made by hand" in answer.json()["error"]["message"]


def test_a_failed_job_shows_each_attempt(api, operator):
    job = tasks.fail.enqueue("broken")
    drain()
    answer = api(operator).get(f"/api/scheduling/jobs/{job.id}/").json()
    assert answer["state"] == "failed"
    assert [each["number"] for each in answer["attempts"]] == [1, 2, 3]


def test_queues_are_listed_by_urgency_with_what_waits(api, operator):
    tasks.urgent.enqueue("a")
    rows = api(operator).get("/api/scheduling/queues/").json()["results"]
    assert [row["name"] for row in rows] == ["high_priority", "normal", "low_priority"]
    assert rows[0]["waiting"] == 1
    assert rows[0]["clusters"] == 0
    assert QueuedJob.objects.count() == 1
