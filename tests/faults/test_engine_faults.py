"""What Django Q2 does wrong under load or faults, and what else may befall a cluster: impossible here."""

import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Event

import psutil
import pytest
from django.db import OperationalError, ProgrammingError, connection
from django_q.models import OrmQ, Task

from scheduling import claims, declaration
from scheduling.crew import Crew
from scheduling.models import Attempt, Cancellation, Heartbeat, PausedQueue, QueuedJob, ScheduleOverride
from scheduling.supervisor import BEAT, Supervisor
from tests.conftest import ROOT
from tests.faults.harm import cut_connections
from tests.faults.soak import hears_sigterm
from tests.site import tasks
from tests.site.models import Effect, Mark

pytestmark = pytest.mark.django_db(transaction=True)
SHORT_LEASE = {"Q_LEASE_SECONDS": "2"}


def family(cluster) -> tuple[psutil.Process, list[psutil.Process]]:
    """The supervisor of a cluster and its workers."""
    [supervisor] = psutil.Process(cluster.pid).children()
    return supervisor, supervisor.children()


def starts(name) -> int:
    return Effect.objects.filter(name=name).count()


@pytest.fixture
def ready(qcluster, wait_for):
    """Start a cluster and wait until it serves."""

    def start(*arguments, **environment):
        last = Heartbeat.objects.order_by("pk").values_list("pk", flat=True).last() or 0
        cluster = qcluster(*(arguments or ("--workers", "2")), **environment)
        wait_for(lambda: Heartbeat.objects.filter(pk__gt=last).exclude(status="").exists(), timeout=30)
        wait_for(lambda: family(cluster)[1])
        return cluster

    return start


# --- 1: the deaf cluster ------------------------------------------------------------------------------------
@pytest.mark.parametrize("victim", ["worker", "supervisor"])
def test_the_kill_of_an_idle_process_leaves_no_deaf_cluster(ready, victim):
    supervisor, workers = family(ready())
    for process in [supervisor] if victim == "supervisor" else workers:
        process.kill()
    assert tasks.leave_effect.enqueue("next").result(timeout=15) == {"name": "next"}
    assert Task.objects.get(func=tasks.leave_effect.path).attempt_count == 1


@pytest.mark.parametrize("victim", ["worker", "supervisor"])
def test_the_job_of_a_killed_process_runs_again_once_and_counts(ready, wait_for, victim):
    supervisor, _ = family(ready())
    job = tasks.endure.enqueue("slow one", "slow")
    wait_for(lambda: starts("slow one") == 1)
    busy = psutil.Process(Effect.objects.get().pid) if victim == "worker" else supervisor
    busy.kill()
    wait_for(lambda: job.state == "succeeded")
    assert (starts("slow one"), Task.objects.get(id=job.id).attempt_count) == (2, 2)


def test_a_killed_parent_takes_its_cluster_along_when_the_running_job_has_ended(ready, wait_for):
    cluster = ready()
    supervisor, workers = family(cluster)
    job = tasks.endure.enqueue("slow one", "slow")
    wait_for(lambda: starts("slow one") == 1)
    cluster.process.kill()
    assert job.result(timeout=15) is None
    psutil.wait_procs([supervisor, *workers], timeout=15)
    assert not any(process.is_running() for process in [supervisor, *workers])
    assert (starts("slow one"), Task.objects.get(id=job.id).attempt_count) == (1, 1)
    ready()  # as systemd does
    assert tasks.leave_effect.enqueue("next").result(timeout=15) == {"name": "next"}


@pytest.fixture
def no_schedules(transactional_db):
    """For a worker that shall be found idle: none of the jobs that come every minute."""
    for name in declaration.scheduled():
        ScheduleOverride.objects.create(name=name, stopped=True)


@pytest.mark.heavy
@pytest.mark.parametrize("frozen", ["worker", "supervisor"])
def test_a_process_that_hears_nothing_is_replaced(no_schedules, ready, wait_for, frozen):
    cluster = ready("--workers", "1", **SHORT_LEASE)
    supervisor, [worker] = family(cluster)
    (worker if frozen == "worker" else supervisor).suspend()
    assert tasks.leave_effect.enqueue("next").result(timeout=30) == {"name": "next"}
    assert Task.objects.get(func=tasks.leave_effect.path).attempt_count == 1


# --- 2: double runs -----------------------------------------------------------------------------------------
@pytest.mark.heavy
def test_a_job_far_longer_than_any_lease_runs_once(ready, wait_for):
    ready("--workers", "1", **SHORT_LEASE)
    job = tasks.tell_and_sleep.enqueue("long", 7)
    wait_for(lambda: starts("long") == 1)
    ready("--workers", "1", **SHORT_LEASE)  # would take over what looks dead
    wait_for(lambda: job.state == "succeeded", timeout=30)
    assert starts("long") == 1
    assert Task.objects.get(id=job.id).attempt_count == 1


def test_jobs_that_wait_behind_slow_ones_run_once(ready, wait_for):
    waiting = [tasks.tell_and_sleep.enqueue(f"queue {number}", 0.6) for number in range(6)]
    ready("--workers", "1", **SHORT_LEASE)
    ready("--workers", "1", **SHORT_LEASE)
    wait_for(lambda: all(job.state == "succeeded" for job in waiting), timeout=30)
    assert [starts(f"queue {number}") for number in range(6)] == [1] * 6
    assert not Attempt.objects.exists()


# --- 3: dead workers are counted ----------------------------------------------------------------------------
def test_a_job_that_kills_its_worker_every_time_ends_in_failed_with_the_reason(ready, wait_for):
    ready()
    job = tasks.poison.enqueue("poison")
    wait_for(lambda: job.state == "failed")
    assert job.error == "Lost in attempt 2: worker died: exit 3."
    assert starts("poison") == 2
    assert [attempt.error for attempt in Attempt.objects.all()] == ["worker died: exit 3"] * 2


@pytest.mark.heavy
def test_a_job_that_hears_nothing_is_killed_after_its_timeout(ready, wait_for):
    ready()
    job = tasks.hang.enqueue("hung")
    wait_for(lambda: job.state == "succeeded", timeout=30)
    assert "over its timeout of 1 s" in Attempt.objects.get(number=1).error
    assert Mark.objects.filter(key="hung").exists()


# --- 5: stopping --------------------------------------------------------------------------------------------
def test_a_job_that_outlasts_the_grace_goes_back_into_the_queue_with_the_reason(ready, wait_for):
    cluster = ready(Q_STOP_GRACE_SECONDS="1")
    job = tasks.tell_and_sleep.enqueue("long", 60)
    wait_for(lambda: starts("long") == 1)
    cluster.terminate()
    assert cluster.process.wait(timeout=20) == 0
    assert job.state == "retrying"
    assert Attempt.objects.get().error == "the cluster was stopped while it ran"
    assert not Heartbeat.objects.exists()


@pytest.mark.heavy
def test_a_second_signal_stops_at_once(ready, wait_for):
    cluster = ready()
    job = tasks.tell_and_sleep.enqueue("long", 60)
    wait_for(lambda: starts("long") == 1)
    cluster.terminate()
    wait_for(lambda: Heartbeat.objects.filter(status="Stopping").exists())
    cluster.terminate()
    assert cluster.process.wait(timeout=20) == 0
    assert job.state == "retrying"


@pytest.mark.heavy
def test_a_signal_during_the_start_stops_it_in_order(qcluster, wait_for):
    cluster = qcluster("--workers", "1")
    wait_for(lambda: hears_sigterm(cluster.pid), every=0.001)
    cluster.terminate()
    assert cluster.process.wait(timeout=20) == 0
    assert "died" not in cluster.read_output()
    assert not Heartbeat.objects.exists()


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """One that has its lease, no workers, and no loop of its own."""
    supervisor = Supervisor(Event(), Event(), uuid.uuid4(), None, 0, start=False)
    supervisor.lease.take()
    yield supervisor
    supervisor.wakeup.close()
    supervisor.crew.dismiss(within=0)


def losing_its_first_answer(act):
    """What the statement did stands, but the connection broke before its answer came."""
    answers = iter([OperationalError("server closed the connection")])

    def wrapped(*arguments):
        answer = act(*arguments)
        for error in answers:
            raise error
        return answer

    return wrapped


def test_a_job_put_back_without_an_answer_is_begun_by_nobody_here(supervisor, monkeypatch):
    job = tasks.leave_effect.enqueue("once")
    supervisor.crew.waiting.extend(claims.claim(supervisor.lease.holder, supervisor.queues, 1))
    monkeypatch.setattr(claims, "put_back", losing_its_first_answer(claims.put_back))
    supervisor.stop_request.ask(1)
    supervisor._turn(0.0)
    assert supervisor.outage.pause
    assert not supervisor.crew.waiting
    assert not supervisor._has_stopped()
    supervisor.outage.until = 0.0
    supervisor._turn(1.0)
    assert supervisor._has_stopped()
    row = QueuedJob.objects.get(job_id=job.id)
    assert (row.holder, row.attempts, row.state) == (None, 0, "waiting")


def test_a_claim_whose_answer_is_lost_is_given_up_and_not_counted(supervisor, monkeypatch):
    job = tasks.leave_effect.enqueue("once")
    monkeypatch.setattr(claims, "claim", losing_its_first_answer(claims.claim))
    monkeypatch.setattr(Crew, "room", 1)
    supervisor._turn(0.0)
    row = QueuedJob.objects.get(job_id=job.id)
    assert (row.holder, row.attempts) == (supervisor.lease.holder, 1)
    supervisor.outage.until = 0.0
    monkeypatch.setattr(Crew, "room", 0)  # so that it does not claim the job again
    supervisor._turn(1.0)
    row.refresh_from_db()
    assert (row.holder, row.attempts, row.state) == (None, 0, "waiting")


def test_what_nobody_has_begun_goes_back_uncounted_when_the_supervisor_fails(supervisor, monkeypatch):
    job = tasks.leave_effect.enqueue("later")
    supervisor.crew.waiting.extend(claims.claim(supervisor.lease.holder, supervisor.queues, 1))

    def fail(_now):
        raise ProgrammingError('column "status" does not exist')

    monkeypatch.setattr(supervisor, "_turn", fail)
    with pytest.raises(ProgrammingError):
        supervisor.guard()
    row = QueuedJob.objects.get(job_id=job.id)
    assert (row.holder, row.attempts, row.state) == (None, 0, "waiting")


@pytest.mark.only("postgresql")
def test_a_missing_column_is_no_outage_but_ends_the_supervisor_until_it_is_mended(ready, wait_for):
    def rename(column, name):
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE scheduling_heartbeat RENAME {column} TO {name}")

    cluster = ready("--workers", "1", **SHORT_LEASE)
    rename("status", "gone")
    try:
        wait_for(lambda: "starting another one" in cluster.read_output())
    finally:
        rename("gone", "status")
    said = cluster.read_output()
    assert "Traceback" in said
    assert re.search(r"ProgrammingError: column \S*status.* does not exist", said)  # whoever met it first
    assert tasks.leave_effect.enqueue("mended").result(timeout=30) == {"name": "mended"}


@pytest.mark.only("postgresql")
def test_a_database_that_is_away_for_a_while_ends_neither_the_supervisor_nor_a_job(ready, wait_for):
    cluster = ready("--workers", "1")
    before = family(cluster)
    job = tasks.tell_and_sleep.enqueue("away", 3)
    wait_for(lambda: starts("away") == 1)
    with nobody_comes_in():
        time.sleep(2)  # for several tries
    job.result(timeout=15)
    assert family(cluster) == before
    assert Task.objects.get(id=job.id).attempt_count == 1


@contextmanager
def nobody_comes_in() -> Iterator[None]:
    """The database takes no connections and has lost all but ours."""
    allow = "UPDATE pg_database SET datallowconn = %s WHERE datname = current_database()"
    with connection.cursor() as cursor:
        cursor.execute(allow, [False])
        try:
            cut_connections()
            yield
        finally:
            cursor.execute(allow, [True])


def test_what_waits_inside_a_stopping_cluster_is_not_counted(ready, wait_for):
    cluster = ready("--workers", "1")
    running = tasks.tell_and_sleep.enqueue("first", 1.5)
    wait_for(lambda: starts("first") == 1)
    waiting = tasks.leave_effect.enqueue("second")
    cluster.terminate()
    assert cluster.process.wait(timeout=20) == 0
    assert (running.state, waiting.state) == ("succeeded", "waiting")
    assert QueuedJob.objects.get(job_id=waiting.id).attempts == 0


# --- 6: order -----------------------------------------------------------------------------------------------
def test_a_lower_queue_is_not_starved(ready, wait_for):
    tasks.urgent.enqueue_many([{"name": "high"} for _ in range(300)])
    tasks.patient.enqueue("low")
    ready("--workers", "1")
    wait_for(lambda: starts("low") == 1, timeout=30)
    wait_for(lambda: starts("high") == 300, timeout=30)
    names = list(Effect.objects.order_by("id").values_list("name", flat=True))
    assert names.index("low") < 300


def test_a_claim_reads_the_index(db):
    tasks.leave_effect.enqueue_many([{"name": str(number)} for number in range(3000)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE django_q_ormq")
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(
            f"{explain} SELECT id FROM django_q_ormq WHERE key = 'normal' AND holder IS NULL"
            " AND lock <= CURRENT_TIMESTAMP ORDER BY lock, id LIMIT 20"
        )
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "scheduling_queue_due" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


# --- 12: what cannot be read --------------------------------------------------------------------------------
def test_an_unreadable_payload_is_kept_and_blocks_nobody(ready, wait_for):
    broken = tasks.leave_effect.enqueue("broken")
    OrmQ.objects.update(payload="garbage")
    ready("--workers", "1")
    assert tasks.leave_effect.enqueue("next").result(timeout=15)
    wait_for(lambda: broken.state == "unreadable")
    assert OrmQ.objects.filter(payload="garbage").exists()


# --- a rolling deploy ---------------------------------------------------------------------------------------
@pytest.mark.only("postgresql")
def test_a_job_that_an_old_cluster_does_not_know_waits_for_a_new_one(ready, wait_for):
    ready("--workers", "1", DJANGO_SETTINGS_MODULE="ims.settings")  # which has no tests.site
    job = tasks.leave_effect.enqueue("new")
    wait_for(lambda: QueuedJob.objects.filter(job_id=job.id, holder=claims.NOBODY).exists())
    ready("--workers", "1")
    assert job.result(timeout=15) == {"name": "new"}
    assert Task.objects.get(id=job.id).attempt_count == 1


# --- 16, 18: many jobs --------------------------------------------------------------------------------------
def test_recycled_workers_lose_nothing(ready, wait_for):
    tasks.sleep_only.enqueue_many([{"seconds": 0}] * 1200)  # a worker is replaced after 500
    ready("--workers", "1")
    wait_for(lambda: Task.objects.filter(func=tasks.sleep_only.path).count() == 1200, timeout=60)
    assert not Attempt.objects.exists()
    assert not QueuedJob.objects.filter(func=tasks.sleep_only.path).exists()


def test_a_payload_and_a_result_of_a_megabyte_pass(ready):
    ready()
    text = "long " * 250_000
    assert tasks.echo.enqueue(text).result(timeout=20) == text


# --- the holder that sleeps ---------------------------------------------------------------------------------
@pytest.mark.heavy
def test_a_frozen_cluster_that_wakes_records_nothing_of_what_was_taken_over(ready, wait_for):
    frozen = ready("--workers", "1", **SHORT_LEASE)
    job = tasks.tell_and_sleep.enqueue("taken", 3)
    wait_for(lambda: starts("taken") == 1)
    supervisor, _ = family(frozen)
    for process in (psutil.Process(frozen.pid), supervisor):  # as when a host is suspended
        process.suspend()
    ready("--workers", "1", **SHORT_LEASE)
    wait_for(lambda: starts("taken") == 2, timeout=30)
    for process in (supervisor, psutil.Process(frozen.pid)):
        process.resume()
    wait_for(lambda: job.state == "succeeded", timeout=30)
    assert Task.objects.get(id=job.id).attempt_count == 2
    assert Attempt.objects.get(job_id=job.id).error == "its cluster or host died"
    wait_for(lambda: Heartbeat.objects.count() == 2)  # it has registered anew
    assert tasks.leave_effect.enqueue("both serve").result(timeout=15)


def test_the_jobs_of_a_dead_cluster_are_taken_over_by_a_living_one(ready, wait_for):
    doomed = ready("--workers", "1")
    job = tasks.endure.enqueue("orphan", "slow")
    wait_for(lambda: starts("orphan") == 1)
    doomed.kill()
    ready("--workers", "1")
    wait_for(lambda: job.state == "succeeded", timeout=30)
    assert (starts("orphan"), Task.objects.get(id=job.id).attempt_count) == (2, 2)


# --- cancel and pause ---------------------------------------------------------------------------------------
@pytest.mark.heavy
def test_a_cancelled_job_that_does_not_look_is_ended_after_the_grace(ready, wait_for):
    ready(Q_CANCEL_GRACE_SECONDS="1")
    job = tasks.ignore_cancel.enqueue("deaf")
    wait_for(lambda: starts("deaf") == 1)
    assert job.cancel(by="Anita")
    wait_for(lambda: job.state == "cancelled", timeout=20)
    assert "JobCancelled" in job.error
    assert Cancellation.objects.get().requested_by == "Anita"
    assert tasks.leave_effect.enqueue("the worker lives on").result(timeout=15)


@pytest.mark.heavy
def test_a_cancelled_job_that_hears_nothing_at_all_is_killed(ready, wait_for):
    ready(Q_CANCEL_GRACE_SECONDS="0")
    job = tasks.hear_nothing.enqueue("deaf")
    wait_for(lambda: starts("deaf") == 1)
    job.cancel(by="Anita")
    wait_for(lambda: job.state == "cancelled", timeout=30)
    assert job.error == "Cancelled by Anita in attempt 1: cancelled, and it did not stop."


def test_no_job_of_a_paused_queue_starts_until_it_is_resumed(ready, wait_for):
    PausedQueue.objects.create(name="normal")
    job = tasks.leave_effect.enqueue("patience")
    ready()
    tasks.urgent.enqueue("another queue")
    wait_for(lambda: starts("another queue") == 1)
    assert job.state == "waiting"
    PausedQueue.objects.all().delete()
    assert job.result(timeout=15)


# --- systemd ------------------------------------------------------------------------------------------------
@pytest.fixture
def service_manager(tmp_path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(15)
        yield manager


def test_systemd_hears_that_the_cluster_is_ready_alive_and_stopping(qcluster, service_manager):
    cluster = qcluster("--workers", "1", NOTIFY_SOCKET=service_manager.getsockname())
    heard = {service_manager.recv(100), service_manager.recv(100)}
    assert heard == {b"READY=1", b"WATCHDOG=1"}
    cluster.terminate()
    while (state := service_manager.recv(100)) != b"STOPPING=1":
        assert state == b"WATCHDOG=1"
    assert cluster.process.wait(timeout=20) == 0


@pytest.mark.heavy
def test_the_watchdog_of_systemd_is_not_fed_by_a_cluster_that_hears_nothing(qcluster, service_manager):
    cluster = qcluster("--workers", "1", NOTIFY_SOCKET=service_manager.getsockname())
    heard = {service_manager.recv(100), service_manager.recv(100)}
    assert b"WATCHDOG=1" in heard
    [supervisor] = psutil.Process(cluster.pid).children()
    supervisor.suspend()
    service_manager.settimeout(2 * BEAT)
    with pytest.raises(TimeoutError):
        list(iter(lambda: service_manager.recv(100), b"nothing more"))
    supervisor.resume()
    service_manager.settimeout(15)
    assert service_manager.recv(100) == b"WATCHDOG=1"


# --- the whole --------------------------------------------------------------------------------------------
@pytest.mark.heavy
@pytest.mark.programs
def test_a_short_soak_loses_nothing(request):
    """See soak.py; `make soak` runs a long one."""
    own = {name: value for name, value in os.environ.items() if name not in ("IMS_TEST_RUN", "DATABASE_URL")}
    command = [sys.executable, "-m", "tests.faults.soak", "--jobs=80", "--seconds=8", "--clusters=2"]
    if request.config.getoption("--postgres"):
        command.append("--postgres")
    ended = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
