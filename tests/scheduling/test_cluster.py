"""A real `qcluster` process on the database of the test."""

import signal
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import Schedule, Task
from django_q.status import Stat
from django_q.tasks import AsyncTask, Chain, Iter, count_group

from scheduling import schedules
from scheduling.models import Attempt, Heartbeat, QueuedJob, ScheduleOverride
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.django_db(transaction=True)


def names():
    return list(Effect.objects.order_by("id").values_list("name", flat=True))


def test_a_job_runs_in_the_cluster_and_its_result_is_kept(qcluster):
    job = tasks.leave_effect.enqueue(name="real")
    qcluster("--workers", "1")
    assert job.result(timeout=15) == {"name": "real"}
    assert job.state == "succeeded"
    finished = Task.objects.get(id=job.id)
    assert finished.func == "tests.site.tasks.leave_effect"
    assert finished.success
    assert not QueuedJob.objects.filter(job_id=job.id).exists()


def test_one_cluster_serves_all_queues_most_urgent_first_and_each_in_order(qcluster, wait_for):
    for number in range(2):  # few: each tenth claim, also of schedules' jobs, begins with a lower queue
        tasks.patient.enqueue(f"low {number}")
        tasks.leave_effect.enqueue(f"normal {number}")
        tasks.urgent.enqueue(f"high {number}")
    qcluster("--workers", "1")
    wait_for(lambda: Effect.objects.count() == 6)
    assert names() == [f"{queue} {number}" for queue in ("high", "normal", "low") for number in range(2)]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--queues", "high_priority"], {}),
        (["--name", "high_priority"], {}),
        ([], {"Q_CLUSTER_NAME": "high_priority"}),
    ],
    ids=["--queues", "--name", "Q_CLUSTER_NAME"],
)
def test_a_cluster_for_one_queue_leaves_the_others_alone(qcluster, wait_for, arguments, environment):
    tasks.leave_effect.enqueue("normal")
    tasks.urgent.enqueue("high")
    qcluster("--workers", "1", *arguments, **environment)
    wait_for(lambda: names() == ["high"])
    assert wait_for(lambda: Heartbeat.objects.first()).queues == ["high_priority"]
    assert QueuedJob.objects.get(func=tasks.leave_effect.path).key == "normal"


def test_a_job_that_fails_is_tried_again_and_each_attempt_keeps_its_traceback(qcluster, wait_for):
    job = tasks.fail.enqueue("broken")
    qcluster("--workers", "1")
    wait_for(lambda: job.state == "failed")
    assert Effect.objects.filter(name="failed").count() == 3
    assert Task.objects.get(id=job.id).attempt_count == 3
    assert "broken" in job.error


def test_a_job_over_its_timeout_is_ended_with_the_reason(qcluster, wait_for):
    job = tasks.run_over_time.enqueue()
    qcluster("--workers", "1")
    wait_for(lambda: job.state == "failed")
    assert "exceeded maximum timeout value (1 seconds)" in job.error


def test_a_running_job_shows_progress_and_stops_when_cancelled(qcluster, wait_for):
    job = tasks.count_to.enqueue(1000)
    qcluster("--workers", "1")
    wait_for(lambda: job.progress and job.progress.done > 5)
    assert job.state == "running"
    assert job.progress.stage == "counting"
    assert job.cancel(by="Anita")
    wait_for(lambda: job.state == "cancelled")
    assert Task.objects.get(id=job.id).result.startswith("stopped at")


def test_sigterm_lets_the_running_job_finish(qcluster, wait_for):
    job = tasks.sleep.enqueue(1.5)
    cluster = qcluster("--workers", "1")
    wait_for(lambda: job.state == "running")
    cluster.terminate()
    assert cluster.process.wait(timeout=20) == 0
    assert job.state == "succeeded"
    assert not Heartbeat.objects.exists()


def test_sigterm_to_the_whole_group_lets_the_running_job_finish_too(qcluster, wait_for):
    import os

    job = tasks.sleep.enqueue(1.5)
    cluster = qcluster("--workers", "1")
    wait_for(lambda: job.state == "running")
    os.killpg(cluster.pid, signal.SIGTERM)
    assert cluster.process.wait(timeout=20) == 0
    assert job.state == "succeeded"


def test_no_orphan_goes_on_when_the_parent_is_killed(qcluster, wait_for):
    import psutil

    cluster = qcluster("--workers", "2")
    parent = psutil.Process(cluster.pid)
    wait_for(lambda: len(parent.children(recursive=True)) >= 3)  # supervisor, two workers
    family = parent.children(recursive=True)
    cluster.process.kill()
    wait_for(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family))


def test_a_killed_supervisor_leaves_no_orphans_and_is_replaced(qcluster, wait_for):
    import psutil

    cluster = qcluster("--workers", "2")
    parent = psutil.Process(cluster.pid)
    wait_for(lambda: len(parent.children(recursive=True)) >= 3)
    family = parent.children(recursive=True)
    [supervisor] = parent.children()
    supervisor.kill()
    wait_for(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family))
    wait_for(lambda: len(parent.children(recursive=True)) >= 3)
    assert tasks.leave_effect.enqueue("after").result(timeout=15)


@pytest.mark.only("postgresql")
def test_a_cluster_outlives_the_loss_of_every_connection(qcluster, wait_for):
    """As when PostgreSQL is restarted: while idle, and again while a job runs that ends in success."""
    qcluster("--workers", "2")
    first = tasks.leave_effect.enqueue("before")
    wait_for(lambda: first.state == "succeeded")
    cut_all_connections()
    second = tasks.leave_effect.enqueue("between")
    wait_for(lambda: second.state == "succeeded")
    slow, broken = tasks.sleep_only.enqueue(1.5), tasks.lose_connection.enqueue()
    wait_for(lambda: slow.state == "running")
    cut_all_connections()
    wait_for(lambda: (slow.state, broken.state) == ("succeeded", "succeeded"))
    assert Task.objects.get(id=slow.id).attempt_count == 1
    assert Attempt.objects.filter(job_id=broken.id).exists()
    assert Heartbeat.objects.get().seen_at > timezone.now() - timedelta(seconds=5)


def cut_all_connections():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_django_q2s_own_words_work_from_another_process(qcluster):
    qcluster("--workers", "2")
    path = tasks.leave_effect.path
    one = AsyncTask(path, "one", group="words")
    chain = Chain([(path, ("first",)), (path, ("second",))])
    each = Iter(path, [("a",), ("b",), ("c",)])
    for words in (one, chain, each):
        words.run()
    assert one.result(wait=15_000) == {"name": "one"}
    assert {result["name"] for result in chain.result(wait=15_000)} == {"first", "second"}
    assert {result["name"] for result in each.result(wait=15_000)} == {"a", "b", "c"}
    assert (one.fetch().success, count_group("words")) == (True, 1)


def test_clusters_are_seen_from_any_process(qcluster, wait_for):
    qcluster("--workers", "2")
    wait_for(lambda: [len(stat.workers) for stat in Stat.get_all()] == [2])
    beat = Heartbeat.objects.get()
    assert beat.workers == 2
    assert timezone.now() - beat.seen_at < timedelta(seconds=5)


def test_six_clusters_starting_at_once_leave_one_row_for_each_schedule(qcluster, wait_for):
    for _ in range(6):
        qcluster("--workers", "1")
    wait_for(lambda: Heartbeat.objects.count() == 6, timeout=60)
    rows = list(Schedule.objects.values_list("name", flat=True))
    assert sorted(rows) == sorted(ScheduleOverride.objects.values_list("name", flat=True))
    assert {"prune_history", "site_every", "site_nightly"} <= set(rows)


def test_a_stop_survives_a_restart_of_the_cluster(qcluster, wait_for):
    first = qcluster("--workers", "1")
    wait_for(lambda: Heartbeat.objects.exists())
    schedules.stop("site_every")
    first.terminate()
    first.process.wait(timeout=20)
    qcluster("--workers", "1")
    wait_for(lambda: Heartbeat.objects.exists())
    assert not schedules.status("site_every").active


def test_a_schedule_that_is_due_runs_within_seconds_of_the_start(qcluster, wait_for):
    qcluster("--workers", "1")
    status = wait_for(lambda: (s := schedules.status("site_every")).task_count == 1 and s)
    assert status.next_run > timezone.now() + timedelta(minutes=9)


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--queues", "express"], {}, "unknown express"),
        (["--workers", "0"], {}, "give 1 or more"),
        ([], {"Q_CLUSTER_NAME": "express"}, "the queues are high_priority, normal, low_priority"),
    ],
)
def test_a_wrong_option_is_refused_by_name(qcluster, arguments, environment, message):
    cluster = qcluster(*arguments, **environment)
    assert cluster.process.wait(timeout=20) != 0
    assert message in cluster.read_output()
