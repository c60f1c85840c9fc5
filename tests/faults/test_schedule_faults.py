"""What goes wrong around schedules: malformed rows, races of clusters, a database that does not answer."""

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task

from scheduling import due, schedules
from scheduling.due import Scheduler, enqueue_due
from scheduling.models import QueuedJob, ScheduleOverride
from tests.site import tasks

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PATH = tasks.leave_effect.path
BROKEN = [  # what stands in the row, and the field that is to blame
    ({"func": "os.system", "args": "'echo'"}, "func"),
    ({"func": "tests.site.tasks.gone"}, "func"),
    ({"func": ""}, "func"),
    ({"args": "syntax error("}, "args"),
    ({"args": "__import__('os').system('echo')"}, "args"),
    ({"args": "(" * 500}, "args"),
    ({"args": "1, 2, 3"}, "args"),
    ({"kwargs": "not even close"}, "kwargs"),
    ({"kwargs": "name='x') + f(1"}, "kwargs"),
    ({"kwargs": "'x', name='y'"}, "kwargs"),
    ({"kwargs": "**{'name': 'x'}"}, "kwargs"),
    ({"kwargs": "{1: 2}"}, "kwargs"),
    ({"kwargs": "nobody_knows_this=1"}, "args"),
    ({"kwargs": "q_options='high'"}, "kwargs"),
    ({"kwargs": "q_options={'timeout': 'long'}"}, "kwargs"),
    ({"kwargs": "q_options={'chain': ['os.system']}"}, "kwargs"),
    ({"kwargs": "q_options={'hook': 'os.system'}"}, "hook"),
    ({"hook": "os.system"}, "hook"),
    ({"cluster": "express"}, "cluster"),
    ({"intended_date_kwarg": "nobody_knows_this"}, "intended_date_kwarg"),
    ({"schedule_type": "C", "cron": "at noon"}, "cron"),
    ({"schedule_type": "C", "cron": "0 0 30 2 *"}, "cron"),
    ({"schedule_type": "C", "cron": None}, "cron"),
    ({"schedule_type": "X"}, "schedule_type"),
    ({"next_run": datetime(1, 1, 2, tzinfo=UTC)}, "next_run"),
    ({"next_run": None}, "next_run"),
    ({"next_run": datetime(9999, 12, 31, 23, 59, tzinfo=UTC)}, "next_run"),
    (
        {"next_run": datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "schedule_type": "C", "cron": "0 0 * * *"},
        "next_run",
    ),
    ({"next_run": datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "schedule_type": "I"}, "next_run"),
    ({"next_run": datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "schedule_type": "M"}, "next_run"),
]


def row(name="row", **fields):
    """A row as SQL or a stranger's code may leave it: nothing checks it."""
    fields = {"func": PATH, "schedule_type": Schedule.DAILY, "next_run": NOW, **fields}
    [made] = Schedule.objects.bulk_create([Schedule(name=name, **fields)])
    return made


@pytest.mark.django_db
@pytest.mark.parametrize(("fields", "field"), BROKEN)
def test_a_malformed_row_harms_no_other_and_is_shown_with_its_field(fields, field):
    broken = row("broken", **fields)
    row("good", args="'good'")
    rounds = Scheduler()
    assert sum(rounds.enqueue_due(NOW) for _ in range(3)) == 1  # a slow machine may need a second round
    assert OrmQ.objects.get().args() == ("good",)
    assert schedules.status("broken").broken.startswith(f"{field}: ")
    assert schedules.status("good").broken is None
    assert schedules.next_runs("broken") == []
    broken.refresh_from_db()
    assert broken.task is None


@pytest.mark.django_db
def test_a_malformed_row_is_shown_before_it_is_ever_due():
    row("later", func="os.system", next_run=timezone.now() + timedelta(days=30))
    [shown] = [each for each in schedules.all_statuses() if each.name == "later"]
    assert shown.broken == "func: 'os.system' is not a declared task. Declare it with @task in a tasks.py."


@pytest.mark.django_db
def test_a_malformed_row_is_retried_calmly_and_told_once(caplog):
    row("broken", args="syntax error(")
    scheduler = Scheduler()
    with caplog.at_level(logging.ERROR, logger="scheduling.due"):
        for tick in range(60):
            scheduler.enqueue_due(NOW + timedelta(seconds=tick / 2))
    assert len(caplog.records) == 1


@pytest.mark.django_db
def test_a_row_at_rest_costs_no_statement(django_assert_num_queries):
    row("broken", args="syntax error(")
    scheduler = Scheduler()
    scheduler.enqueue_due(NOW)
    with django_assert_num_queries(1):
        scheduler.enqueue_due(NOW + timedelta(seconds=1))


@pytest.mark.django_db
def test_more_malformed_rows_than_a_round_takes_do_not_starve_the_others(monkeypatch):
    monkeypatch.setattr(due, "ROWS_A_ROUND", 3)
    for number in range(7):
        row(f"broken {number}", args="syntax error(", next_run=NOW - timedelta(days=1))
    row("good")
    scheduler = Scheduler()
    rounds = [scheduler.enqueue_due(NOW + timedelta(seconds=tick / 2)) for tick in range(4)]
    assert sum(rounds) == 1


@pytest.mark.django_db
def test_a_mended_row_heals_by_itself():
    broken = row("broken", args="syntax error(")
    scheduler = Scheduler()
    scheduler.enqueue_due(NOW)
    Schedule.objects.filter(pk=broken.pk).update(args="'mended'")
    assert schedules.status("broken").broken is None
    assert scheduler.enqueue_due(NOW + due.REST) == 1


@pytest.mark.django_db
def test_a_declared_row_that_lost_its_next_run_is_shown_and_healed_by_the_next_start():
    schedules.sync()
    Schedule.objects.filter(name="site_every").update(next_run=None)
    assert schedules.status("site_every").broken.startswith("next_run: ")
    schedules.sync()
    assert schedules.status("site_every").broken is None


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_no_fault_of_the_row(monkeypatch):
    row("good")

    def no_answer(*_):
        raise OperationalError("server closed the connection unexpectedly")

    scheduler = Scheduler()
    with monkeypatch.context() as patched:
        patched.setattr(due, "_enqueue_one", no_answer)
        with pytest.raises(OperationalError):
            scheduler.enqueue_due(NOW)
    assert scheduler.enqueue_due(NOW) == 1


# --- Races ------------------------------------------------------------------------------------------------
def race(*works, rounds=1):
    """Run each work in a thread with a connection of its own, all at once; returns what went wrong."""
    errors, barrier = [], threading.Barrier(len(works))

    def run(work):
        try:
            barrier.wait()
            for _ in range(rounds):
                work()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.django_db(transaction=True)
def test_six_clusters_enqueue_what_is_due_once():
    for number in range(25):
        row(f"row {number}", args=f"'{number}'")
    assert race(*[lambda: enqueue_due(NOW)] * 6) == []
    while enqueue_due(NOW):  # what locked rows and the end of a round's time left over
        pass
    assert sorted(each.args()[0] for each in OrmQ.objects.all()) == sorted(map(str, range(25)))
    assert set(Schedule.objects.values_list("next_run", flat=True)) == {NOW + timedelta(days=1)}


@pytest.mark.django_db(transaction=True)
def test_a_cluster_that_starts_while_others_enqueue_does_not_bring_a_run_back():
    """A sync that wrote back the row that it had read would make a run due again that was just enqueued."""
    schedules.sync()
    for _ in range(10):
        QueuedJob.objects.all().delete()
        past = timezone.now() - timedelta(seconds=1)
        Schedule.objects.update(next_run=past, task=None, func="before.the.deployment")
        assert race(*[lambda: enqueue_due(timezone.now()), schedules.sync] * 2) == []
        assert not Schedule.objects.filter(next_run=past, task__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_six_clusters_starting_together_leave_one_row_for_each_schedule():
    assert race(*[schedules.sync] * 6) == []
    names = list(Schedule.objects.values_list("name", flat=True))
    assert sorted(names) == sorted(ScheduleOverride.objects.values_list("name", flat=True))
    assert len(names) == len(set(names))


@pytest.mark.django_db(transaction=True)
def test_stops_and_starts_against_rounds_leave_a_sound_schedule():
    schedules.sync()

    def control():
        schedules.stop("site_every")
        schedules.start("site_every", 5)

    assert race(control, control, lambda: enqueue_due(timezone.now()), rounds=5) == []
    assert Schedule.objects.filter(name="site_every").count() == 1
    assert schedules.status("site_every").interval_minutes == 5


def test_with_two_clusters_a_schedule_runs_once_within_two_seconds_beside_a_malformed_row(qcluster, wait_for):
    row("broken", args="syntax error(")
    qcluster("--workers", "1")
    qcluster("--workers", "1")
    wait_for(lambda: Task.objects.filter(func=tasks.every_ten_minutes.path).exists(), timeout=30)
    soon = timezone.now() + timedelta(seconds=1)
    row("soon", next_run=soon, args="'soon'")
    wait_for(lambda: Task.objects.filter(group="soon").exists())
    row("after", next_run=timezone.now(), args="'after'")
    wait_for(lambda: Task.objects.filter(group="after").exists())  # a second run of "soon" would be here too
    ran = Task.objects.get(group="soon")
    assert timedelta() <= ran.started - soon < timedelta(seconds=2)
    assert Task.objects.filter(func=tasks.every_ten_minutes.path).count() == 1
