"""What is recorded of a job, what follows it, and what a second cluster or an outage may do in between."""

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.signals import post_execute
from django_q.tasks import async_chain, async_task

from scheduling import Undeclared, claims, endings, leases, packages, results
from scheduling.declaration import QUEUES
from scheduling.endings import Outcome
from scheduling.models import Attempt, Cancellation, Heartbeat, JobState, QueuedJob
from scheduling.testing import drain
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.django_db


def names():
    return list(Effect.objects.order_by("id").values_list("name", flat=True))


def lose_the_worker(job, attempts=1):
    """As a cluster leaves a job that it ran, when it dies with all its processes; another one comes by."""
    QueuedJob.objects.filter(job_id=job.id).update(
        state=JobState.RUNNING, attempts=attempts, started_at=timezone.now(), holder=leases.register()
    )
    Heartbeat.objects.all().delete()
    leases.release_orphans()


def held_by(holder):
    """The one job in the queue, claimed by this holder."""
    [job] = claims.claim(holder, QUEUES, 1)
    return job


def test_the_result_of_a_job_taken_over_while_it_ran_is_not_recorded_here():
    tasks.leave_effect.enqueue("a")
    job = held_by(leases.register())
    Heartbeat.objects.all().delete()
    leases.release_orphans()
    assert results.record(job.holder, [results.Result(job.pk, job.attempt, None, ("f", "n"))]) == set()
    assert OrmQ.objects.count() == 1


def test_an_earlier_attempt_of_the_same_holder_records_nothing():
    tasks.leave_effect.enqueue("a")
    job = held_by(leases.register())
    QueuedJob.objects.update(attempts=2)
    assert not claims.acknowledge(job.fence)
    assert OrmQ.objects.count() == 1


def test_a_failed_attempt_is_recorded_in_the_history_only_when_it_was_the_last():
    job = tasks.fail_and_wait.enqueue()
    drain()
    assert job.state == "retrying"
    assert "later" in job.error
    assert not Task.objects.exists()


def test_a_hook_is_called_once_for_a_job_that_failed_three_times():
    async_task("tests.site.tasks.fail", "broken", hook="tests.site.tasks.note_result")
    drain()
    assert names().count("hook False") == 1


def test_a_hook_is_called_for_a_task_that_keeps_no_results():
    async_task("tests.site.tasks.leave_no_trace", "a", hook=tasks.note_result)
    drain()
    assert "hook True" in names()


def test_a_chain_goes_on_once_after_a_step_that_was_tried_again():
    async_chain([("tests.site.tasks.fail_once", ("first",)), ("tests.site.tasks.leave_effect", ("second",))])
    drain()
    assert names() == ["first", "first", "second"]


def test_a_chain_ends_with_a_step_that_was_cancelled_while_it_ran():
    async_chain(["tests.site.tasks.fail_while_cancelled", ("tests.site.tasks.leave_effect", ("second",))])
    drain()
    assert names() == []


def test_a_chain_goes_on_after_a_task_that_keeps_no_results():
    async_chain([(tasks.leave_no_trace, ("first",)), (tasks.leave_effect, ("second",))])
    drain()
    assert names() == ["first", "second"]


def test_a_chain_given_as_an_option_runs_too():
    async_task(tasks.leave_effect, "first", chain=[("tests.site.tasks.leave_effect", ("second",))])
    drain()
    assert names() == ["first", "second"]


@pytest.mark.parametrize(
    "step", ["os.getcwd", ("os.getcwd",), ("tests.site.tasks.urgent", ("a",), {"hook": "os.system"})]
)
def test_a_chain_with_something_undeclared_is_refused_at_once(step):
    with pytest.raises(Undeclared):
        async_chain([("tests.site.tasks.leave_effect", ("first",)), step])
    assert not OrmQ.objects.exists()


def test_a_running_job_that_fails_after_it_was_cancelled_is_not_tried_again():
    job = tasks.fail_while_cancelled.enqueue()
    drain(ignore_delays=True)
    assert job.state == "cancelled"
    assert Attempt.objects.count() == 1


def test_a_cancelled_job_whose_worker_died_is_not_run_again():
    job = tasks.leave_effect.enqueue("a")
    job_of_a_running_worker = held_by(leases.register())
    assert job.cancel(by="Anita")
    endings.lost(job_of_a_running_worker.fence, "worker died: signal 9")
    drain()
    assert job.state == "cancelled"
    assert names() == []


@pytest.mark.parametrize("task", [tasks.return_unstorable, tasks.raise_odd_text])
def test_an_odd_result_or_error_ends_in_failed_with_a_reason(task):
    job = task.enqueue()
    drain(ignore_delays=True)
    assert job.state == "failed"
    assert Attempt.objects.get(job_id=job.id, number=1).error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": -1}, "timeout"),
        ({"timeout": 0.5}, "timeout"),
        ({"task_name": "n" * 101}, "name"),
        ({"group": "g" * 101}, "group"),
    ],
)
def test_an_option_that_would_lose_the_result_is_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        async_task("tests.site.tasks.leave_effect", **options)
    assert not OrmQ.objects.exists()


def test_the_history_has_the_dotted_path_however_the_task_was_given():
    async_task(tasks.leave_effect, "a")
    async_task("tests.leave_effect", "b")
    async_task(tasks.leave_effect, "c", sync=True)
    drain()
    assert set(Task.objects.values_list("func", flat=True)) == {"tests.site.tasks.leave_effect"}


def test_an_unreadable_job_does_not_block_its_unique_twin():
    first = tasks.only_one.enqueue("a")
    OrmQ.objects.update(payload="garbage")
    drain()
    assert tasks.only_one.enqueue("a") != first
    assert first.state == "unreadable"
    with pytest.raises(TimeoutError):
        first.result()


def test_a_unique_job_may_be_queued_again_after_a_failure_or_a_cancellation():
    first = tasks.only_one.enqueue("a")
    first.cancel()
    second = tasks.only_one.enqueue("a")
    lose_the_worker(second, attempts=4)
    drain()
    assert second.state == "failed"
    assert len({first, second, tasks.only_one.enqueue("a")}) == 3


def test_a_unique_job_that_waits_for_its_retry_is_still_the_one():
    first = tasks.only_one_fails.enqueue("a")
    drain()
    assert first.state == "retrying"
    assert tasks.only_one_fails.enqueue("a") == first


def test_of_many_jobs_none_is_queued_where_one_call_is_wrong():
    with pytest.raises(TypeError):
        tasks.only_one.enqueue_many([{"key": "a"}, {"kye": "b"}])
    assert not OrmQ.objects.exists()


def test_a_claim_is_one_statement(django_assert_num_queries):
    tasks.leave_effect.enqueue("a")
    holder = leases.register()
    with django_assert_num_queries(1):
        [job] = claims.claim(holder, QUEUES, 10)
    assert job.func == tasks.leave_effect.path


def test_a_hundred_results_are_recorded_in_few_statements(django_assert_max_num_queries):
    tasks.leave_effect.enqueue_many([{"name": str(number)} for number in range(100)])
    holder = leases.register()
    rows = [result_of(job) for job in claims.claim(holder, QUEUES, 100)]
    with django_assert_max_num_queries(4):
        assert len(results.record(holder, rows)) == 100
    assert Task.objects.count() == 100
    assert Task.objects.first().result == {"found": "all"}


def result_of(job):
    now = timezone.now()
    package = {**packages.loads(job.payload), "result": {"found": "all"}, "stopped": now, "success": True}
    return results.of(package, Outcome(tasks.leave_effect, job.fence))


def test_a_cancellation_of_another_job_leaves_this_one_alone():
    other = tasks.leave_effect.enqueue("other")
    job = tasks.leave_effect.enqueue("a")
    other.cancel()
    drain()
    assert job.state == "succeeded"
    assert Cancellation.objects.count() == 1


def test_post_execute_tells_of_the_end_of_a_job_and_not_of_its_attempts():
    told = []

    def hear(task, **_):
        told.append(task["success"])

    post_execute.connect(hear)
    try:
        tasks.fail_once.enqueue("a")
        drain()
    finally:
        post_execute.disconnect(hear)
    assert told == [True]
