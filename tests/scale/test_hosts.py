"""Clusters on several machines over one PostgreSQL: nothing is shared but the database."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from django_q.models import Schedule, Task

from crossdock.tasks import prune_cross_dock
from scheduling import overview
from scheduling.models import Attempt, Heartbeat, QueuedJob, ScheduleOverride
from tests.conftest import database_url_of_test
from tests.scale.hosts import Host
from tests.site import tasks
from tests.site.models import Effect

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.heavy, pytest.mark.programs]
LEASE = "2"  # seconds


@pytest.fixture
def hosts(transactional_db, tmp_path) -> Iterator[Callable[..., dict[str, Host]]]:
    """Start so many machines with a cluster each, and wait until all serve."""
    made: dict[str, Host] = {}

    def start(count: int, workers: int) -> dict[str, Host]:
        for number in range(count):
            made[f"host-{number}"] = host = Host(f"host-{number}", tmp_path)
            host.start("--workers", f"{workers}", DATABASE_URL=database_url_of_test(), Q_LEASE_SECONDS=LEASE)
        return made

    yield start
    for host in made.values():
        host.kill()


def serving() -> int:
    return sum(bool(each.workers) for each in overview.look().alive)


def machine_of(job_id: str, made: dict[str, Host]) -> Host:
    """Where a job runs."""
    holder = Heartbeat.objects.get(pk=QueuedJob.objects.get(job_id=job_id, state="running").holder)
    return next(host for host in made.values() if host.holds(holder))


def ended(task: Any) -> int:
    return Task.objects.filter(func=task.path, success=True).count()


def test_jobs_of_two_machines_run_once_and_those_of_a_dead_one_run_on_the_other(hosts, wait_for):
    made = hosts(2, workers=1)
    wait_for(lambda: serving() == 2, timeout=40)
    tasks.leave_effect.enqueue_many([{"name": f"quick {number}"} for number in range(30)])
    wait_for(lambda: ended(tasks.leave_effect) == 30, timeout=30)
    assert set(Counter(Effect.objects.values_list("name")).values()) == {1}
    long = tasks.tell_and_sleep.enqueue("long", 3)
    wait_for(lambda: Effect.objects.filter(name="long").exists(), timeout=30)
    machine_of(long.id, made).kill()
    wait_for(lambda: long.state == "succeeded", timeout=40)
    assert Effect.objects.filter(name="long").count() == Task.objects.get(id=long.id).attempt_count == 2


@pytest.mark.slow
def test_three_machines_of_which_one_dies_do_everything_once_and_run_schedules_once(hosts, wait_for):
    made = hosts(3, workers=2)
    wait_for(lambda: serving() == 3, timeout=60)
    assert Schedule.objects.count() == ScheduleOverride.objects.count()
    began = now()
    tasks.leave_effect.enqueue_many([{"name": f"quick {number}"} for number in range(3000)])
    slow = [tasks.tell_and_sleep.enqueue(f"slow {number}", 4) for number in range(12)]
    wait_for(lambda: Effect.objects.filter(name__startswith="slow").count() >= 4, timeout=60)
    made["host-1"].kill()
    wait_for(lambda: ended(tasks.leave_effect) == 3000, timeout=120, every=0.5)
    wait_for(lambda: ended(tasks.tell_and_sleep) == 12, timeout=120, every=0.5)
    starts = Counter(Effect.objects.values_list("name", flat=True))
    assert {starts[f"quick {number}"] for number in range(3000)} <= {1, 2}
    for task in Task.objects.filter(id__in=[job.id for job in slow]):
        assert 1 <= starts[task.args[0]] <= task.attempt_count  # one that was claimed counts, begun or not
    assert len(set(Attempt.objects.values_list("job_id", flat=True))) < 200  # the dead machine's alone
    assert set(Attempt.objects.values_list("func", flat=True)) <= {
        tasks.tell_and_sleep.path,
        tasks.leave_effect.path,
        prune_cross_dock.path,  # refused by a machine that has another folder of uploads
    }
    wait_for(lambda: now() - began > timedelta(seconds=130), timeout=140, every=1)
    runs = Task.objects.filter(func="logistics.tasks.check_expired_driver_assignments", started__gte=began)
    minutes = Counter(run.started.replace(second=0, microsecond=0) for run in runs)
    assert sum(minutes.values()) in (2, 3)
