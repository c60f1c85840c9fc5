"""Retry, cancel and delete all that match a filter; mute groups of failures; quiet mode."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import Task

from ims.lib.models import AuditLog
from scheduling import bulk, failures, mutes, queues
from scheduling.exceptions import NotPossible
from scheduling.models import Attempt, PausedQueue, QueuedJob
from scheduling.operation_models import FailureMute
from scheduling.search import BadFilter, JobFilter
from scheduling.testing import drain
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.django_db
FAILED = JobFilter(state="failed", task="tests.fail")


@pytest.fixture
def failed(monkeypatch):
    monkeypatch.setattr(bulk, "BATCH", 2)
    jobs = [tasks.fail.enqueue("on fire") for _ in range(5)]
    other = tasks.fail_for_good.enqueue()
    drain()
    return jobs, other


def do(action, wanted, user=None):
    """As a job; returns what it says of itself."""
    job = bulk.begin(action, wanted, user=user)
    drain(["high_priority"])
    assert job.progress.percent == 100
    return job.result()


def test_all_that_failed_of_a_task_are_retried_and_no_other(failed, operator):
    jobs, other = failed
    assert bulk.count("retry", FAILED) == bulk.Counted(5, False)
    assert do("retry", FAILED, operator) == {"done": 5, "skipped": 0}
    assert {job.state for job in jobs} == {"waiting"}
    assert other.state == "failed"
    entry = AuditLog.objects.get(action="job.retry_all")
    assert (entry.user, entry.after) == (operator, {"state": "failed", "task": "tests.fail"})


def test_a_text_finds_every_error_however_many_there_are(failed, monkeypatch):
    monkeypatch.setattr("scheduling.search.MANY_ERRORS", 2)
    wanted = JobFilter(state="failed", q="on fire")
    assert bulk.count("retry", wanted).count == 5
    assert do("retry", wanted)["done"] == 5


def test_what_ends_after_the_answer_is_left_alone(failed):
    job = bulk.begin("delete", FAILED)
    later = tasks.fail.enqueue("later")
    drain(["normal"])
    drain()
    assert job.result() == {"done": 5, "skipped": 0}
    assert later.state == "failed"
    assert set(Attempt.objects.values_list("job_id", flat=True)) == {later.id, failed[1].id}


def test_all_that_wait_are_cancelled_on_record_with_who_asked(operator):
    jobs = [tasks.leave_effect.enqueue() for _ in range(3)]
    urgent = tasks.urgent.enqueue("stays")
    assert do("cancel", JobFilter(state="waiting", queue="normal"), operator) == {"done": 3, "skipped": 0}
    assert {job.state for job in jobs} == {"cancelled"}
    assert "Cancelled by operator" in jobs[0].error
    assert urgent.state == "succeeded"
    assert Effect.objects.count() == 1


def test_what_cannot_be_retried_is_skipped_and_counted(failed):
    Task.objects.filter(id=failed[0][0].id).update(func="gone.task")
    assert do("retry", JobFilter(state="failed")) == {"done": 5, "skipped": 1}


def test_a_cancelled_run_stops_after_its_batch_and_goes_on_where_it_is_repeated(failed):
    wanted, until = FAILED, timezone.now()
    assert bulk.run("retry", wanted, "me", until, 0, lambda done, total: True) == {"done": 2, "skipped": 0}
    assert bulk.run("retry", wanted, "me", until, 0, lambda done, total: False) == {"done": 3, "skipped": 0}


def test_those_that_wait_for_their_next_attempt_have_it_now():
    job = tasks.fail_and_wait.enqueue()
    drain()
    assert do("retry", JobFilter(state="retrying")) == {"done": 1, "skipped": 0}
    assert QueuedJob.objects.get(job_id=job.id).lock <= timezone.now()


@pytest.mark.parametrize(
    ("action", "state"), [("retry", "succeeded"), ("delete", "waiting"), ("cancel", ""), ("x", "failed")]
)
def test_an_action_is_for_certain_states_only(action, state):
    with pytest.raises(BadFilter):
        bulk.begin(action, JobFilter(state=state))


def test_the_command_counts_asks_and_queues_the_job(failed):
    out = StringIO()
    call_command("bulk", "retry", "--state", "failed", "--task", "tests.fail", "--yes", stdout=out)
    assert "5 failed jobs" in out.getvalue()
    drain(["high_priority"])
    assert Task.objects.filter(func=tasks.fail.path).count() == 0
    with pytest.raises(CommandError, match="state: to delete all"):
        call_command("bulk", "delete", "--state", "waiting", "--yes")


# --- mutes --------------------------------------------------------------------------------------------------
def muted():
    return {group.error: group.muted for group in failures.groups()}["ValueError: on fire"]


def test_a_group_that_was_seen_is_heard_again_when_it_fails_again(failed, operator):
    mutes.mute("tests.fail", "ValueError: on fire", "seen", user=operator)
    assert muted() == "until it fails again, by operator"
    tasks.fail.enqueue("on fire")
    drain()
    assert muted() == ""


def test_a_mute_holds_for_its_time_or_until_another_version_runs(failed, settings):
    mutes.mute("tests.fail", "ValueError: on fire", "version")
    assert muted() == "until another version runs, by the command line"
    settings.IMS_VERSION = "next"
    assert muted() == ""
    row = mutes.mute("tests.fail", "ValueError: on fire", "day")
    assert muted().startswith("until ")
    row.until = timezone.now()
    row.save()
    assert muted() == ""
    assert mutes.unmute("tests.fail", "ValueError: on fire")
    with pytest.raises(NotPossible, match="how: give one of"):
        mutes.mute("tests.fail", "x", "for ever")


def test_the_end_of_a_mute_is_told_by_the_clocks_of_operations(settings):
    settings.OPERATIONS_TIME_ZONE = "Asia/Kolkata"
    row = FailureMute(until=datetime(2026, 11, 22, 20, 44, tzinfo=UTC), by="operator")
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert mutes.words(row, now, now) == "until 23 Nov 2026, 02:14 IST, by operator"


# --- quiet mode ---------------------------------------------------------------------------------------------
def test_quiet_mode_pauses_all_and_waking_up_leaves_what_was_paused_before(operator):
    queues.pause("normal")
    assert queues.quiet(user=operator)
    assert not queues.quiet()
    assert PausedQueue.objects.count() == 3
    assert queues.wake(user=operator)
    assert not queues.wake()
    assert list(PausedQueue.objects.values_list("name", flat=True)) == ["normal"]


def test_the_command_waits_until_nothing_runs_and_fails_where_something_does():
    out = StringIO()
    call_command("queues", "quiet", "--wait", "3", stdout=out)
    assert out.getvalue() == "All queues are paused; 0 jobs still run.\n"
    QueuedJob.objects.create(key="normal", payload="?", lock=timezone.now(), holder=7, state="running")
    with pytest.raises(CommandError, match="1 jobs still run after"):
        call_command("queues", "quiet", "--wait", "0.1", stdout=out)
    call_command("queues", "wake", stdout=out)
    assert not queues.is_quiet()
