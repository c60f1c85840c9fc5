"""What an operator does with a job: retry, run again, cancel, purge; pause and resume of queues."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import Task
from django_q.tasks import async_task

from ims.lib.models import AuditLog
from scheduling import actions, details, history, job, packages, purge, queues, rollups
from scheduling.exceptions import NotPossible, UnknownJob, UnknownQueue
from scheduling.models import Attempt, CallOptions, QueuedJob
from scheduling.search import BadFilter, JobFilter
from scheduling.testing import drain
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(db):
    failed = tasks.fail.enqueue("broken")
    drain()
    assert failed.state == "failed"
    return failed


def test_a_retried_job_runs_once_more_under_its_id_and_keeps_its_record(failed, operator):
    assert actions.retry(failed.id, user=operator).id == failed.id
    assert failed.state == "waiting"
    drain()
    assert failed.state == "failed"
    assert [each.number for each in Attempt.objects.filter(job_id=failed.id)] == [1, 2, 3, 4]
    entry = AuditLog.objects.get(action="job.retry")
    assert (entry.user, entry.target, entry.before["state"]) == (operator, f"job:{failed.id}", "failed")


def test_a_retried_job_that_succeeds_has_succeeded(db):
    flaky = tasks.fail_once.enqueue("flaky")
    row = QueuedJob.objects.get()
    drain()
    assert Effect.objects.count() == 2
    lost = tasks.leave_effect.enqueue()
    lost.cancel()
    assert lost.state == "cancelled"
    actions.retry(lost.id)
    drain()
    assert lost.state == "succeeded"
    assert lost.result() == {"name": "effect"}
    assert row.job_id == flaky.id


def test_a_job_that_waits_for_its_next_attempt_has_it_at_once():
    waiting = tasks.fail_and_wait.enqueue()
    drain()
    assert waiting.state == "retrying"
    actions.retry(waiting.id)
    assert drain() == 1


def test_only_what_failed_is_retried():
    done = tasks.leave_effect.enqueue()
    with pytest.raises(NotPossible, match="is waiting"):
        actions.retry(done.id)
    drain()
    with pytest.raises(NotPossible, match="is succeeded"):
        actions.retry(done.id)
    with pytest.raises(UnknownJob):
        actions.retry("nosuch")


def test_a_unique_job_is_not_retried_beside_its_unfinished_twin():
    first = tasks.only_one.enqueue("a")
    first.cancel()
    second = tasks.only_one.enqueue("a")
    with pytest.raises(NotPossible, match="same arguments"):
        actions.retry(first.id)
    assert (first.state, second.state) == ("cancelled", "waiting")


def test_run_again_queues_a_new_job_with_the_same_arguments():
    done = tasks.leave_effect.enqueue(name="twice")
    drain()
    again = actions.run_again(done.id)
    assert again.id != done.id
    drain()
    assert Effect.objects.filter(name="twice").count() == 2


OWN = {"cluster": "low_priority", "timeout": 7, "save": False}


def options_of(job_id):
    row = QueuedJob.objects.get(job_id=job_id)
    package = packages.loads(row.payload)
    return {"cluster": row.key, "timeout": package["timeout"], "save": package["save"]}


def test_what_a_call_asked_for_itself_is_asked_for_again_by_retry_and_run_again():
    own = async_task(tasks.fail_for_good.path, **OWN)
    assert options_of(own) == OWN
    assert options_of(actions.run_again(own).id) == OWN  # of a job that waits
    drain()
    assert details.of(own).queue == "low_priority"
    assert options_of(actions.run_again(own).id) == OWN  # of one that has ended
    assert options_of(actions.retry(own).id) == OWN
    drain()
    assert options_of(actions.retry(own).id) == OWN  # the second time too


def test_a_call_that_asks_for_nothing_itself_leaves_no_row_and_the_others_go_with_their_jobs():
    tasks.fail_for_good.enqueue()
    own = async_task(tasks.fail_for_good.path, **OWN)
    assert [each.job_id for each in CallOptions.objects.all()] == [own]
    drain()
    later = timezone.now() + timedelta(days=1000)
    rollups.catch_up(later)
    history.prune(later)
    assert not CallOptions.objects.exists()


def test_cancel_is_recorded_with_who(operator):
    waiting = tasks.leave_effect.enqueue()
    assert actions.cancel(waiting.id, user=operator) == "cancelled"
    assert AuditLog.objects.get(action="job.cancel").user == operator
    with pytest.raises(NotPossible, match="has ended"):
        actions.cancel(waiting.id, user=operator)


def test_a_paused_queue_starts_no_job_until_it_is_resumed(operator):
    tasks.patient.enqueue("later")
    assert queues.pause("low_priority", user=operator)
    assert not queues.pause("low_priority", user=operator)
    assert drain() == 0
    assert queues.resume("low_priority", user=operator)
    assert drain() == 1
    assert set(AuditLog.objects.values_list("action", flat=True)) == {"queue.pause", "queue.resume"}
    with pytest.raises(UnknownQueue):
        queues.pause("nosuch")


def test_a_purge_cancels_what_has_not_started_and_tells_so():
    waiting = [tasks.patient.enqueue(str(n)) for n in range(3)]
    other = tasks.leave_effect.enqueue()
    wanted = JobFilter(queue="low_priority")
    assert purge.count(wanted) == 3
    assert purge.run(wanted) == 3
    assert {each.state for each in waiting} == {"cancelled"}
    assert other.state == "waiting"
    assert AuditLog.objects.get(action="job.purge").after == {"jobs": 3}


def test_a_purged_job_calls_its_hook_and_the_purge_leaves_that_call_alone():
    async_task(tasks.whoami.path, hook="tests.site.tasks.note_result")
    assert purge.run(JobFilter()) == 1
    drain()
    assert [each.name for each in Effect.objects.all()] == ["hook False"]


def test_a_purge_of_failures_forgets_them(failed):
    assert purge.run(JobFilter(state="failed")) == 1
    assert job(failed.id).state == "unknown"
    assert not Attempt.objects.exists()


def test_running_jobs_are_not_purged():
    with pytest.raises(BadFilter, match="one by one"):
        purge.run(JobFilter(state="running"))


def test_a_later_job_is_purged_too():
    tasks.leave_effect.enqueue_at(timezone.now() + timedelta(hours=1))
    assert purge.run(JobFilter(state="scheduled")) == 1
    assert Task.objects.count() == 1
