"""A job that calls what this code does not declare: left to a cluster that does, ended after a while."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import Task
from django_q.tasks import async_chain, async_task

from scheduling import (
    actions,
    declaration,
    details,
    leases,
    packages,
    purge,
    queues,
    search,
    troubles,
    unknown_tasks,
)
from scheduling.models import Attempt, Cancellation, Heartbeat, QueuedJob
from scheduling.search import JobFilter
from scheduling.testing import drain
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.django_db
NEW = tasks.leave_effect.path


@contextmanager
def old_code():
    """Inside, this process is of a release that has neither this task nor any hook."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delitem(declaration._tasks, NEW)
        patched.setattr(declaration, "_hooks", set())
        yield


@pytest.fixture
def left():
    """A job of a new task that an old cluster has met."""
    job = tasks.leave_effect.enqueue("new")
    with old_code():
        assert drain() == 0
    return job


def age(minutes):
    QueuedJob.objects.update(started_at=timezone.now() - timedelta(minutes=minutes))


def test_it_waits_uncounted_where_it_stood_and_is_claimed_and_taken_over_by_nobody(left):
    row = QueuedJob.objects.get()
    assert (row.holder, row.attempts, left.state) == (unknown_tasks.NOBODY, 0, "waiting")
    assert row.lock == row.enqueued_at
    assert drain() == 0
    with old_code():
        assert leases.release_orphans() == 0
    assert QueuedJob.objects.get().holder == unknown_tasks.NOBODY
    assert queues.held() == 0  # no deploy waits for its end
    assert not Attempt.objects.exists()


def test_a_cluster_that_knows_its_task_runs_it_as_its_first_attempt(left):
    assert leases.release_orphans() == 1
    assert drain() == 1
    assert Task.objects.get(id=left.id).attempt_count == 1
    assert not Attempt.objects.exists()


def test_a_retry_that_an_old_cluster_meets_keeps_the_attempts_so_far(left):
    QueuedJob.objects.update(attempts=2)
    unknown_tasks.look()
    drain()
    assert Task.objects.get(id=left.id).attempt_count == 3


@pytest.mark.parametrize("what", ["hook", "chain"])
def test_a_job_with_a_new_hook_or_a_new_step_is_left_too(what):
    if what == "hook":
        async_task(tasks.whoami.path, hook="tests.site.tasks.note_result")
    else:
        async_chain([(tasks.whoami.path,), (NEW,)])
    with old_code():
        drain()
        unknown_tasks.look()
        assert drain() == 0
    unknown_tasks.look()
    assert drain() == 2
    assert Effect.objects.count() == 1


def test_what_nobody_knows_fails_after_fifteen_minutes_and_can_be_retried(left):
    age(minutes=14)
    with old_code():
        unknown_tasks.look()
        assert left.state == "waiting"
        age(minutes=16)
        unknown_tasks.look()
        unknown_tasks.look()
    assert left.state == "failed"
    assert left.error == (
        f"'{NEW}' is not a declared task. Declare it with @task in a tasks.py."
        " No cluster knew it within 15 minutes; retry the job when one does."
    )
    assert [each.number for each in Attempt.objects.all()] == [1]
    actions.retry(left.id)
    assert drain() == 1


def test_a_cluster_that_knows_it_ends_nothing_however_late_it_comes(left):
    age(minutes=60)
    assert unknown_tasks.look() == 1
    assert left.state == "waiting"


def test_what_is_not_readable_either_is_kept_as_such(left):
    QueuedJob.objects.update(payload="garbage")
    age(minutes=16)
    with old_code():
        unknown_tasks.look()
    drain()
    assert left.state == "unreadable"


def test_nothing_undeclared_is_imported_or_run():
    tasks.whoami.enqueue()
    row = QueuedJob.objects.get()
    row.payload = packages.dumps({**packages.loads(row.payload), "func": "tests.site.no_such_module.call"})
    row.save()
    drain()
    age(minutes=16)
    unknown_tasks.look()
    assert "not a declared task" in Task.objects.get().result


def test_lists_show_it_waiting_and_its_page_says_why(left):
    [row] = search.find(JobFilter(state="waiting")).rows
    assert (row.id, row.attempts, row.started_at) == (left.id, 0, None)
    assert not search.find(JobFilter(state="running")).rows
    assert details.of(left.id).error.startswith("No cluster that met this job knew its task.")


def test_it_is_cancelled_or_purged_like_any_job_that_waits(left):
    assert left.cancel(by="Anita")
    assert left.error == "Cancelled by Anita before it started."
    other = tasks.leave_effect.enqueue("other")
    with old_code():
        drain()
    assert purge.run(JobFilter(state="waiting")) == 1
    assert other.state == "cancelled"


def test_one_that_was_cancelled_while_a_cluster_had_it_is_cancelled():
    job = tasks.leave_effect.enqueue("new")
    Cancellation.objects.create(job_id=job.id, requested_by="Anita")
    with old_code():
        drain()
    assert job.error == "Cancelled by Anita before it started."


def test_people_are_warned_when_it_lies_there_for_two_minutes(left):
    later = timezone.now() + timedelta(minutes=5)
    Heartbeat.objects.create(
        cluster_id="0" * 32, workers=2, queues=["high_priority", "normal", "low_priority"], seen_at=later,
        lease_until=later,
    )  # fmt: skip
    age(minutes=1)
    assert not troubles.find()
    age(minutes=3)
    [trouble] = troubles.find()
    assert trouble.key == f"unknown:{NEW}"
    assert trouble.text.startswith(f"No cluster knows {NEW}: jobs wait since")
