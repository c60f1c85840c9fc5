"""What a job logs is on its page: bounded, masked, written with the end of its attempt, and gone with it."""

import json
import logging
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import Task

from scheduling import actions, claims, details, history, inline, job, joblog, leases, purge
from scheduling.masking import MASK, hider
from scheduling.models import Attempt, JobLog
from scheduling.search import JobFilter
from scheduling.testing import drain
from tests.site import tasks

pytestmark = pytest.mark.django_db


def logged(job_id):
    """(attempt, levels and texts) of every attempt."""
    return [(log.attempt, [(line.level, line.text) for line in log.entries()])
            for log in details.of(job_id).logs]  # fmt: skip


def statements_of(*arguments):
    """What one job of `speak` costs, from its claim on."""
    tasks.speak.enqueue(*arguments)
    [claimed] = claims.claim(leases.register(), ["normal"], 1)
    with CaptureQueriesContext(connection) as captured:
        inline._run(claimed)
    return [query["sql"] for query in captured]


def test_the_lines_of_a_success_are_kept_from_info_on():
    spoken = tasks.speak.enqueue(2)
    drain()
    assert logged(spoken.id) == [(1, [("INFO", "line 1"), ("INFO", "line 2")])]
    [line] = [line for line in details.of(spoken.id).logs[0].entries() if line.text == "line 1"]
    assert line.logger == "tests.site.tasks"
    assert timezone.now() - line.at < timedelta(minutes=1)


def test_each_failed_attempt_keeps_its_own_lines():
    spoken = tasks.speak.enqueue(1, fails=True)
    drain()
    assert logged(spoken.id) == [
        (attempt, [("INFO", "line 1"), ("WARNING", "it will fail")]) for attempt in (1, 2)
    ]
    actions.retry(spoken.id)
    drain()
    assert [attempt for attempt, _ in logged(spoken.id)] == [1, 2, 3]


def test_lines_come_whatever_the_log_itself_leaves_out():
    assert logging.getLogger().isEnabledFor(logging.INFO)  # the tests' LOG_LEVEL is WARNING
    out = next(handler for handler in logging.getLogger().handlers if handler.level == logging.WARNING)
    assert out.level > logging.INFO


def test_a_job_that_logs_nothing_pays_nothing():
    silent, spoken = statements_of(0), statements_of(3)
    assert not [sql for sql in silent if "joblog" in sql]
    assert len([sql for sql in spoken if "joblog" in sql]) == 1
    assert len(spoken) <= len(silent) + 1
    assert JobLog.objects.count() == 1


def test_only_the_last_lines_are_kept_and_long_ones_are_cut(monkeypatch):
    monkeypatch.setattr(joblog, "LENGTH", 20)
    spoken = tasks.speak.enqueue(joblog.LINES + 50, secret="")
    drain()
    [log] = details.of(spoken.id).logs
    assert (len(log.lines), log.left_out) == (joblog.LINES, 50)
    assert log.entries()[0].text == "line 51"
    lines = joblog.Lines(str)
    lines.add(logging.LogRecord("a", logging.INFO, "", 1, "x" * 900, None, None))
    assert len(lines.last[0][3]) < 30


def test_a_secret_is_in_no_line_and_in_no_traceback():
    spoken = tasks.speak.enqueue(1, fails=True, secret="hunter2")
    drain()
    assert logged(spoken.id)[0][1][0] == ("INFO", f"line 1 with {MASK}")
    told = [*Attempt.objects.values_list("error", "gist"), *Task.objects.values_list("name", "result")]
    assert "nobody may read" in str(told)
    assert "hunter2" not in str(told) + str(logged(spoken.id))


@pytest.mark.parametrize(
    ("secret", "telling"),
    [
        ('say "hi"\n', "hi"),
        ("naïve", "ve"),
        (4711, "47"),
        ({"key": ["k-1", 2.5]}, "k-1"),
        (["a-b", None], "a-b"),
    ],
)
def test_a_secret_is_found_however_it_is_written(secret, telling):
    hide = hider(tasks.with_secret.path, (secret,), {})
    for text in (str(secret), repr(secret), json.dumps(secret)):
        assert telling in text
        assert telling not in hide(f"it was {text}")
    assert hide("True and None") == "True and None"


def test_a_line_that_cannot_be_written_harms_nobody(monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr(joblog.Lines, "add", lambda lines, record: 1 / 0)
    spoken = tasks.speak.enqueue(1)
    drain()
    assert spoken.state == "succeeded"


def test_the_lines_go_with_their_job():
    old, young, purged = (tasks.speak.enqueue(1) for _ in range(3))
    drain()
    Task.objects.filter(id=old.id).update(stopped=timezone.now() - timedelta(days=31))
    history.prune(timezone.now())
    assert set(JobLog.objects.values_list("job_id", flat=True)) == {young.id, purged.id}
    purge.run(JobFilter(state="succeeded"))
    assert not JobLog.objects.exists()
    assert job(young.id).state == "unknown"


def test_lines_of_a_job_that_somebody_deleted_go_in_the_end_and_those_of_a_kept_one_stay():
    kept, deleted = (tasks.speak.enqueue(1) for _ in range(2))
    drain()
    JobLog.objects.update(written_at=timezone.now() - timedelta(days=91))
    Task.objects.filter(id=deleted.id).delete()
    history.prune(timezone.now())
    assert list(JobLog.objects.values_list("job_id", flat=True)) == [kept.id]


def test_page_api_and_command_show_them(client, api, operator, capsys):
    spoken = tasks.speak.enqueue(joblog.LINES + 1)
    drain()
    client.force_login(operator)
    page = client.get(f"/console/jobs/{spoken.id}/").content.decode()
    assert "line 101" in page
    assert "1 earlier line is only in the log" in page
    [told] = api(operator).get(f"/api/scheduling/jobs/{spoken.id}/").json()["logs"]
    assert (told["attempt"], told["left_out"], told["lines"][-1]["text"]) == (1, 1, "line 101")
    call_command("jobs", "show", spoken.id)
    assert "Attempt 1 logged, after 1 earlier lines:" in capsys.readouterr().out


def test_a_real_cluster_writes_them_with_the_result(qcluster, wait_for):
    spoken, failing = tasks.speak.enqueue(2), tasks.speak.enqueue(1, fails=True, secret="hunter2")
    qcluster("--workers", "1")
    wait_for(lambda: (spoken.state, failing.state) == ("succeeded", "failed"), 20)
    assert logged(spoken.id) == [(1, [("INFO", "line 1"), ("INFO", "line 2")])]
    assert [attempt for attempt, _ in logged(failing.id)] == [1, 2]
    assert "hunter2" not in str(logged(failing.id))
