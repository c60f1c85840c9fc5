"""Jobs, queues, clusters and the audit log over REST. Who may do what is in tests/console/test_access.py."""

import pytest

from scheduling.masking import MASK
from scheduling.testing import drain
from tests.site import tasks

pytestmark = pytest.mark.django_db
JOBS = "/api/scheduling/jobs/"


def test_the_list_goes_on_by_its_cursor(api, operator):
    ids = {tasks.leave_effect.enqueue().id for _ in range(5)}
    client = api(operator)
    first = client.get(f"{JOBS}?page_size=3&state=waiting").json()
    assert "count" not in first
    second = client.get(first["next"]).json()
    assert {row["id"] for row in first["results"] + second["results"]} == ids
    assert second["next"] is None


@pytest.mark.parametrize(
    "query", ["state=nosuch", "queue=nosuch", "cursor=nosuch", "page_size=0", "page_size=x"]
)
def test_a_filter_that_cannot_be_is_refused_by_name(api, operator, query):
    answer = api(operator).get(f"{JOBS}?{query}")
    assert answer.status_code == 400
    assert query.split("=")[0] in answer.json()["error"]["fields"]


def test_a_job_is_shown_whole_with_sensitive_arguments_masked(api, operator):
    job = tasks.with_secret.enqueue("hunter2")
    client = api(operator)
    waiting = client.get(f"{JOBS}{job.id}/")
    drain()
    done = client.get(f"{JOBS}{job.id}/")
    for answer in (waiting, done):
        assert answer.json()["arguments"] == {"secret": MASK}
        assert "hunter2" not in answer.content.decode()
    assert done.json()["state"] == "succeeded"


def test_retry_run_again_and_cancel(api, operator):
    client = api(operator)
    job = tasks.fail_for_good.enqueue()
    drain()
    answer = client.post(f"{JOBS}{job.id}/retry/")
    assert (answer.status_code, answer.json()["job_id"], answer.json()["state"]) == (202, job.id, "waiting")
    assert client.post(f"{JOBS}{job.id}/cancel/").json()["state"] == "cancelled"
    again = client.post(f"{JOBS}{job.id}/run-again/").json()
    assert again["job_id"] != job.id
    refused = client.post(f"{JOBS}{again['job_id']}/retry/")
    assert refused.status_code == 409
    assert "is waiting" in refused.json()["error"]["message"]
    assert client.post(f"{JOBS}nosuch/retry/").status_code == 404
    actions = [row["action"] for row in client.get("/api/scheduling/audit/").json()["results"]]
    assert actions == ["job.run_again", "job.cancel", "job.retry"]


def test_pause_and_resume(api, operator):
    client = api(operator)
    assert client.post("/api/scheduling/queues/normal/pause/").json()["changed"]
    rows = {row["name"]: row for row in client.get("/api/scheduling/queues/").json()["results"]}
    assert (rows["normal"]["paused"], rows["normal"]["paused_by"]) == (True, "operator")
    assert (
        client.post("/api/scheduling/queues/normal/resume/").json()["message"] == "Queue normal is resumed."
    )
    assert client.post("/api/scheduling/queues/nosuch/pause/").status_code == 404
