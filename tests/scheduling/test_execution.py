"""What happens to a job in a worker; run here by Django Q2's own worker and monitor."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_chain, async_task

from scheduling import cancelled, claims, endings, leases, progress
from scheduling.broker import DatabaseBroker
from scheduling.models import Attempt, Cancellation, JobState, Progress, QueuedJob
from scheduling.testing import drain, run_inline
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.django_db


def test_a_success_is_kept_with_its_true_start():
    job = tasks.leave_effect.enqueue(name="a")
    QueuedJob.objects.update(
        lock=timezone.now() - timedelta(hours=2), enqueued_at=timezone.now() - timedelta(hours=2)
    )
    drain()
    finished = Task.objects.get(id=job.id)
    assert finished.result == {"name": "a"}
    assert timezone.now() - finished.started < timedelta(minutes=1)
    assert job.result() == {"name": "a"}


def test_a_success_that_is_not_kept_leaves_no_row():
    job = tasks.leave_no_trace.enqueue("a")
    drain()
    assert Effect.objects.count() == 1
    assert not Task.objects.exists()
    assert not OrmQ.objects.exists()
    assert job.state == "unknown"


def test_a_failed_job_waits_for_its_next_attempt():
    job = tasks.fail_and_wait.enqueue()
    drain()
    assert job.state == "retrying"
    wait = QueuedJob.objects.get().lock - timezone.now()
    assert timedelta(seconds=40) < wait < timedelta(seconds=80)


def test_each_attempt_keeps_its_traceback_and_the_last_one_ends_it():
    job = tasks.fail.enqueue("broken")
    drain()
    attempts = list(Attempt.objects.filter(job_id=job.id))
    assert [each.number for each in attempts] == [1, 2, 3]
    assert all("ValueError: broken" in each.error for each in attempts)
    assert [bool(each.retry_at) for each in attempts] == [True, True, False]
    assert job.state == "failed"
    assert not OrmQ.objects.exists()


def test_a_permanent_error_is_not_tried_again():
    job = tasks.fail_for_good.enqueue()
    drain()
    assert job.state == "failed"
    assert Attempt.objects.count() == 1


def test_an_error_sets_the_time_of_its_retry():
    tasks.be_asked_to_wait.enqueue()
    drain()
    assert QueuedJob.objects.get().lock > timezone.now() + timedelta(seconds=590)


def test_a_job_that_succeeds_at_last_is_a_success_even_where_successes_are_not_kept():
    job = tasks.fail_once.enqueue("a")
    drain()
    assert job.state == "succeeded"
    assert Task.objects.get(id=job.id).attempt_count == 2


def test_the_soft_timeout_lets_a_task_tidy_up():
    job = tasks.tidy_up.enqueue()
    drain()
    assert job.result() == "tidied"


def test_a_job_that_was_taken_over_is_not_acknowledged_by_its_former_holder():
    tasks.leave_effect.enqueue(name="a")
    broker = DatabaseBroker()
    [(fence, _)] = broker.dequeue()
    QueuedJob.objects.update(holder=fence.holder + 1)  # another cluster has it now
    broker.acknowledge(fence)
    assert OrmQ.objects.count() == 1


def lose(job, attempt, **how):
    """A claimed job loses its worker in this attempt."""
    QueuedJob.objects.update(attempts=attempt - 1)
    [claimed] = claims.claim(leases.register(), ["normal"], 1)
    endings.lost(claimed.fence, "worker died: signal 9", **how)


def test_a_job_that_killed_its_worker_in_every_attempt_ends_in_failed():
    job = tasks.leave_effect.enqueue(name="poison")
    lose(job, attempt=4)
    drain()
    assert job.state == "failed"
    assert job.error == "Lost in attempt 4: worker died: signal 9."
    assert not Effect.objects.exists()


def test_a_job_whose_worker_died_runs_again_at_once_as_the_next_attempt():
    job = tasks.leave_effect.enqueue(name="again")
    lose(job, attempt=1)
    drain()
    assert job.state == "succeeded"
    assert Task.objects.get().attempt_count == 2
    assert Attempt.objects.get(job_id=job.id, number=1).error == "worker died: signal 9"


def test_a_job_that_may_be_poison_waits_before_it_runs_again():
    job = tasks.fail_and_wait.enqueue()
    lose(job, attempt=2, pause=True)
    assert drain() == 0
    assert job.state == "retrying"


def test_a_payload_that_cannot_be_read_is_kept():
    tasks.leave_effect.enqueue(name="a")
    OrmQ.objects.update(payload="garbage")
    assert drain() == 0
    assert QueuedJob.objects.get().state == JobState.UNREADABLE


def test_a_change_of_the_secret_key_loses_no_job(settings, monkeypatch):
    from django_q.conf import Conf

    tasks.leave_effect.enqueue(name="old key")
    old = Conf.SECRET_KEY
    monkeypatch.setattr(Conf, "SECRET_KEY", "a-new-key-" * 5)
    settings.SECRET_KEY_FALLBACKS = [old]
    drain()
    assert Effect.objects.get().name == "old key"


def test_rated_jobs_start_at_their_pace():
    for number in range(3):
        tasks.limited.enqueue(str(number))
    drain()
    assert Effect.objects.count() == 1
    assert set(QueuedJob.objects.values_list("state", flat=True)) == {JobState.SCHEDULED}
    assert all(row.attempts == 0 for row in QueuedJob.objects.all())
    drain(ignore_delays=True)
    assert Effect.objects.count() == 3


def test_a_waiting_job_is_cancelled_at_once_and_says_by_whom():
    job = tasks.leave_effect.enqueue(name="a")
    assert job.cancel(by="Anita")
    drain()
    assert job.state == "cancelled"
    assert job.error == "Cancelled by Anita before it started."
    assert not Effect.objects.exists()


def test_a_finished_job_cannot_be_cancelled():
    job = tasks.leave_effect.enqueue(name="a")
    drain()
    assert not job.cancel()
    assert job.state == "succeeded"
    assert not Cancellation.objects.exists()


def test_result_says_that_the_job_has_not_ended():
    with pytest.raises(TimeoutError, match="is waiting"):
        tasks.leave_effect.enqueue(name="a").result()


def test_result_raises_the_error_of_a_failed_job():
    job = tasks.fail_for_good.enqueue()
    drain()
    with pytest.raises(RuntimeError, match="nothing will help"):
        job.result()


def test_progress_is_written_seldom_but_its_end_always():
    job = tasks.count_to.enqueue(20, pause=0)
    drain()
    row = Progress.objects.get(job_id=job.id)
    assert (row.done, row.total, row.percent, row.stage) == (20, 20, 100, "counted")


def test_progress_and_cancelled_do_nothing_outside_a_job():
    progress(1, 2)
    assert not cancelled()
    assert not Progress.objects.exists()


def test_sync_mode_runs_a_job_where_it_is_enqueued():
    with run_inline():
        job = tasks.leave_effect.enqueue(name="at once")
    assert job.state == "succeeded"


def test_a_declared_hook_gets_the_finished_task():
    async_task("tests.site.tasks.leave_effect", name="a", hook="tests.site.tasks.note_result")
    drain()
    assert Effect.objects.filter(name="hook True").exists()


def test_a_chain_runs_its_tasks_in_order():
    async_chain(
        [("tests.site.tasks.leave_effect", ("first",)), ("tests.site.tasks.leave_effect", ("second",))],
        sync=False,
    )
    drain()
    assert list(Effect.objects.order_by("id").values_list("name", flat=True)) == ["first", "second"]


@pytest.mark.django_db(transaction=True)
def test_a_plain_job_costs_few_statements(django_assert_max_num_queries):
    tasks.leave_no_trace.enqueue("a")
    [job] = claims.claim(leases.register(), ["normal"], 1)
    with django_assert_max_num_queries(6):  # its effect, acknowledge, and what SQLite calls BEGIN and COMMIT
        from scheduling.inline import _run

        _run(job)


def test_an_error_that_cannot_speak_is_a_failure_like_any_other():
    job = tasks.raise_speechless.enqueue()
    drain()
    assert job.state == "failed"
    assert "Speechless" in job.error


def test_a_database_error_of_an_inline_job_spares_the_transaction_of_its_caller():
    job = tasks.ask_nonsense.enqueue()
    Effect.objects.create(name="the caller's")
    drain()
    assert job.state == "failed"
    assert "nowhere" in job.error
    assert Effect.objects.count() == 1


def test_a_rated_job_that_missed_its_slot_by_far_takes_a_new_one():
    for number in range(2):
        tasks.limited.enqueue(str(number))
    drain()
    QueuedJob.objects.update(lock=timezone.now() - timedelta(hours=1))  # the cluster was down meanwhile
    drain()
    assert Effect.objects.count() == 1
    assert QueuedJob.objects.get().lock > timezone.now()
