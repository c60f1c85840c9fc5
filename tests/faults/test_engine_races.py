"""Narrow gaps between two statements, two processes or two attempts, each once found open."""

import os
import signal
import threading
import time
from datetime import timedelta
from multiprocessing import Process
from types import SimpleNamespace

import psutil
import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django_q import cluster as stock
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from scheduling import channel, claims, endings, leases, packages, processes, unknown_tasks, wakeup
from scheduling.cluster import Cluster
from scheduling.declaration import QUEUES
from scheduling.inline import _run
from scheduling.models import Cancellation, Heartbeat, JobState, QueuedJob
from scheduling.testing import drain
from scheduling.workers import State, Worker
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.django_db(transaction=True)


def held_by(holder):
    [job] = claims.claim(holder, QUEUES, 1)
    return job


# --- connections and forks ----------------------------------------------------------------------------------
@pytest.mark.only("postgresql")
def test_a_new_supervisor_speaks_on_no_connection_of_the_killed_one(qcluster, wait_for):
    """What the killed one was told too late would be the answer to another's question."""
    cluster = qcluster("--workers", "1")
    wait_for(lambda: Heartbeat.objects.exists())
    before = sessions()
    [supervisor] = psutil.Process(cluster.pid).children()
    supervisor.kill()
    last = Heartbeat.objects.latest("pk").pk
    wait_for(lambda: Heartbeat.objects.filter(pk__gt=last).exists())
    assert before
    assert not before & sessions()


def sessions() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return {pid for (pid,) in cursor.fetchall()}


@pytest.mark.only("sqlite")
def test_a_worker_holds_locks_of_its_own(qcluster):
    """With those of its supervisor alone, its commits are gone when that one closes the file."""
    qcluster("--workers", "1")
    tasks.leave_effect.enqueue("a").result(timeout=15)
    pid = Effect.objects.get().pid
    file = os.stat(connection.settings_dict["NAME"]).st_ino
    with open("/proc/locks") as locks:
        held = [line.split() for line in locks]
    assert [line for line in held if line[4] == str(pid) and line[5].endswith(f":{file}")]


# --- messages -----------------------------------------------------------------------------------------------
def test_a_long_message_does_not_wait_where_the_way_is_full():
    ours, theirs = channel.pair()
    while ours.send(b"x" * channel.LONGEST, wait=False):
        pass
    answers = []
    sender = threading.Thread(
        target=lambda: answers.append(ours.send(b"x" * (channel.LONGEST + 1), wait=False)), daemon=True
    )
    sender.start()
    sender.join(5)
    ours.close(), theirs.close()
    assert answers == [False]


# --- two attempts of one job --------------------------------------------------------------------------------
def test_a_postponement_said_twice_takes_the_job_from_nobody():
    """The answer to the first was lost, and the job was begun again before the second."""
    tasks.leave_effect.enqueue("a")
    holder = leases.register()
    until = timezone.now()
    first = held_by(holder)
    assert claims.postpone(first.fence, until)
    second = held_by(holder)
    assert second.fence == first.fence
    assert not claims.postpone(first.fence, until)
    assert QueuedJob.objects.get().holder == holder


def test_of_two_attempts_the_one_that_was_never_heard_of_is_given_up():
    tasks.leave_effect.enqueue("a")
    holder = leases.register()
    first = held_by(holder)
    endings.lost(first.fence, "worker died: signal 9")
    unheard = held_by(holder)
    claims.put_back_all_but(holder, {(first.pk, first.attempt)})
    row = QueuedJob.objects.get()
    assert (row.pk, row.holder, row.attempts) == (unheard.pk, None, 1)


def a_worker(held, running) -> Worker:
    """One without a process."""
    worker = Worker.__new__(Worker)
    worker.state, worker.held, worker.heard = State(job=running), held, []
    worker.signal = worker.heard.append
    return worker


def test_a_cancelled_job_that_has_just_ended_is_not_interrupted_in_its_successor():
    cancelled, innocent = SimpleNamespace(pk=1), SimpleNamespace(pk=2)
    worker = a_worker({7: cancelled, 8: innocent}, running=8)
    worker.interrupt(cancelled.pk)
    assert (worker.heard, worker.state.cancel) == ([], 0)
    worker.interrupt(innocent.pk)
    assert (worker.heard, worker.state.cancel) == ([signal.SIGUSR1], 8)


# --- cancel -------------------------------------------------------------------------------------------------
def test_a_job_that_is_cancelled_while_its_attempt_fails_does_not_run_again(wait_for):
    job = tasks.fail_and_wait.enqueue()
    held_by(leases.register())
    has_begun = threading.Event()

    def fail_slowly():
        with transaction.atomic():
            QueuedJob.objects.select_for_update().get()
            has_begun.set()
            time.sleep(0.5)  # in which the wish to cancel arrives
            QueuedJob.objects.update(state=JobState.RETRYING, holder=None)
        connection.close()

    failing = threading.Thread(target=fail_slowly)
    failing.start()
    has_begun.wait()
    assert job.cancel(by="Anita")
    failing.join()
    assert job.state == "cancelled"


def test_a_job_that_is_cancelled_while_it_waits_inside_a_cluster_is_not_put_back():
    job = tasks.leave_effect.enqueue("a")
    claimed = held_by(leases.register())
    job.cancel(by="Anita")
    endings.give_back(claimed.holder, [claimed])
    assert job.state == "cancelled"
    assert job.error == "Cancelled by Anita before it started."


def test_a_job_that_is_cancelled_before_its_rate_allows_it_is_not_postponed():
    for number in range(2):
        tasks.limited.enqueue(str(number))
    drain()
    waiting = QueuedJob.objects.get()
    QueuedJob.objects.update(lock=timezone.now() - timedelta(hours=1))
    claimed = held_by(leases.register())
    Cancellation.objects.create(job_id=waiting.job_id, requested_by="Anita")
    _run(claimed)
    assert not QueuedJob.objects.exists()
    assert Effect.objects.count() == 1


# --- the end of a job that nobody finished ------------------------------------------------------------------
def lose_for_ever():
    """The worker of the one job dies, in its last attempt."""
    QueuedJob.objects.update(attempts=20)
    endings.lost(held_by(leases.register()).fence, "worker died: signal 9")


def test_the_hook_of_a_lost_job_is_a_job_and_does_not_run_in_the_supervisor():
    async_task(tasks.leave_effect, "a", hook=tasks.note_result)
    lose_for_ever()
    assert not Effect.objects.exists()
    drain()
    assert [effect.name for effect in Effect.objects.all()] == ["hook False"]


@pytest.mark.parametrize("text", ["NUL \x00", "half \ud800", "long " * 30])
def test_a_name_that_no_database_stores_is_refused_and_ends_no_supervisor(text):
    with pytest.raises(ValueError, match="group"):
        async_task(tasks.leave_effect, "a", group=text)
    job = tasks.leave_effect.enqueue("b")
    package = packages.loads(OrmQ.objects.get().payload)
    OrmQ.objects.update(payload=packages.dumps({**package, "name": text, "group": text}))
    lose_for_ever()
    assert job.state == "failed"
    assert len(Task.objects.get().group) <= packages.NAME_LENGTH


def test_an_undeclared_hook_is_not_called_when_its_job_is_refused(tmp_path):
    tasks.leave_effect.enqueue("a")
    package = packages.loads(OrmQ.objects.get().payload)
    OrmQ.objects.update(payload=packages.dumps({**package, "hook": "tests.site.tasks.patient"}))
    drain()
    QueuedJob.objects.update(started_at=F("started_at") - unknown_tasks.PATIENCE)
    unknown_tasks.look()
    assert "not a declared hook" in Task.objects.get().result
    assert not Effect.objects.exists()


def test_a_failure_that_is_acknowledged_is_not_tried_again():
    job_id = async_task(tasks.fail, "broken", ack_failure=True)
    drain(ignore_delays=True)
    assert Effect.objects.filter(name="failed").count() == 1
    assert Task.objects.get(id=job_id).attempt_count == 1


# --- hearing ------------------------------------------------------------------------------------------------
@pytest.mark.only("sqlite")
def test_a_counter_that_cannot_be_read_ends_no_supervisor():
    counter = wakeup.CommitCounter()
    counter.heard()
    connection.connection.close()  # as when its disk is gone
    assert counter.heard()
    connection.close()


# --- processes ----------------------------------------------------------------------------------------------
def test_what_a_job_left_behind_is_buried_and_the_supervisor_is_not():
    supervisor, orphan = (Process(target=int) for _ in range(2))
    for process in (supervisor, orphan):
        process.start()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    processes.reap_orphans(orphan.pid)
    processes.reap_orphans(supervisor.pid)
    assert (psutil.pid_exists(supervisor.pid), psutil.pid_exists(orphan.pid)).count(True) <= 1
    supervisor.join(), orphan.join()


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setattr(stock, "Sentinel", stock.Sentinel)  # start() puts ours there
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    yield Cluster()
    for each, handler in handlers.items():
        signal.signal(each, handler)


def test_a_second_signal_ends_a_supervisor_that_waits_for_the_database_to_start(cluster):
    cluster.sentinel = Process(target=time.sleep, args=(60,))
    cluster.sentinel.start()
    cluster.sig_handler(signal.SIGTERM, None)
    assert cluster.sentinel.is_alive()
    cluster.sig_handler(signal.SIGTERM, None)
    cluster.sentinel.join(10)
    assert cluster.sentinel.exitcode == -signal.SIGKILL
    assert cluster.has_stopped


def test_a_cluster_that_was_only_started_has_stopped_after_a_signal(cluster):
    cluster.start()
    assert not cluster.has_stopped
    cluster.sig_handler(signal.SIGTERM, None)
    cluster.sentinel.join(15)
    assert cluster.has_stopped
