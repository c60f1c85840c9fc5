"""What is due is enqueued once, and moves on."""

import selectors
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task
from django_q.tasks import schedule

from scheduling import due, schedules, wakeup
from scheduling.due import Scheduler, enqueue_due
from scheduling.models import QueuedJob, ScheduleOverride
from scheduling.testing import drain
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.django_db
NAME = "site_every"
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PATH = tasks.leave_effect.path


def row(name=NAME):
    return Schedule.objects.get(name=name)


def jobs(task):
    return QueuedJob.objects.filter(func=task.path).count()


@pytest.fixture
def every_ten():
    """The declared schedule of every ten minutes, alone and due at NOW."""
    schedules.sync()
    Schedule.objects.exclude(name=NAME).delete()
    Schedule.objects.update(next_run=NOW)
    return row()


# --- One round --------------------------------------------------------------------------------------------
def test_what_is_due_is_enqueued_once_and_moves_on(every_ten):
    assert enqueue_due(NOW) == 1
    assert enqueue_due(NOW) == 0
    assert jobs(tasks.every_ten_minutes) == 1
    assert row().next_run == NOW + timedelta(minutes=10)


def test_what_is_not_due_yet_waits(every_ten):
    assert enqueue_due(NOW - timedelta(seconds=1)) == 0


def test_the_next_look_is_when_the_first_row_becomes_due(every_ten):
    scheduler = Scheduler()
    assert scheduler.enqueue_due(NOW - timedelta(seconds=90)) == 0
    assert scheduler.seconds_until_due(NOW - timedelta(seconds=90)) == 90
    scheduler.enqueue_due(NOW)
    scheduler.enqueue_due(NOW)
    assert scheduler.seconds_until_due(NOW) == 600


def test_a_row_that_cannot_run_does_not_hide_when_the_next_is_due(every_ten):
    Schedule.objects.create(func="no.such", next_run=NOW - timedelta(days=1), schedule_type=Schedule.DAILY)
    scheduler = Scheduler()
    for _ in range(2):
        scheduler.enqueue_due(NOW - timedelta(seconds=90))
    assert scheduler.seconds_until_due(NOW - timedelta(seconds=90)) == 90


def test_without_schedules_there_is_no_next_look(db):
    scheduler = Scheduler()
    scheduler.enqueue_due(NOW)
    assert scheduler.seconds_until_due(NOW) is None


@pytest.mark.django_db(transaction=True)
def test_a_changed_schedule_wakes_clusters():
    """As a job does, so that it takes effect at once."""
    schedules.sync()
    source, selector = wakeup.source(), selectors.DefaultSelector()
    source.wait(selector, 0)
    source.wait(selector, 0)
    start = threading.Thread(target=in_another_thread, args=(lambda: schedules.start(NAME, force=True),))
    start.start()
    assert source.wait(selector, 20) == ([], True)
    start.join()
    source.close()


def in_another_thread(act):
    act()
    connection.close()


def test_a_late_look_keeps_the_rhythm(every_ten):
    enqueue_due(NOW + timedelta(seconds=90))
    assert row().next_run == NOW + timedelta(minutes=10)


def test_with_nothing_due_a_round_is_one_statement(every_ten, django_assert_num_queries):
    Schedule.objects.bulk_create(
        Schedule(func=PATH, next_run=NOW + timedelta(days=1), schedule_type=Schedule.DAILY) for _ in range(50)
    )
    scheduler = Scheduler()
    enqueue_due(NOW)
    with django_assert_num_queries(1):
        scheduler.enqueue_due(NOW)


def test_a_round_is_bounded_in_rows_and_the_next_goes_on(monkeypatch):
    monkeypatch.setattr(due, "ROWS_A_ROUND", 3)
    for number in range(5):
        schedule(PATH, str(number), next_run=NOW - timedelta(minutes=number))
    assert [enqueue_due(NOW), enqueue_due(NOW), enqueue_due(NOW)] == [3, 2, 0]


def test_a_round_is_bounded_in_time_and_the_oldest_come_first(monkeypatch):
    monkeypatch.setattr(due, "SECONDS_A_ROUND", 0)
    monkeypatch.setattr(due, "TOGETHER", 1)
    for number in range(3):
        schedule(PATH, str(number), next_run=NOW - timedelta(minutes=number))
    assert enqueue_due(NOW) == 1
    assert OrmQ.objects.get().args() == ("2",)


def test_a_declared_run_bears_the_name_of_its_schedule_as_group(every_ten):
    enqueue_due(NOW)
    drain()
    assert Task.objects.get().group == NAME
    assert schedules.status(NAME).task_count == 1
    assert schedules.status(NAME).last_job_id == Task.objects.get().id


def test_a_row_whose_declaration_only_newer_code_has_is_left_to_it():
    newer = Schedule.objects.create(name="newer", func="tests.site.tasks.newer", next_run=NOW)
    ScheduleOverride.objects.create(name="newer", schedule_id=newer.pk)
    assert enqueue_due(NOW) == 0
    assert row("newer").next_run == NOW


# --- Missed runs ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missed", [1, 3, 500, 1_000_000])
def test_after_a_downtime_a_schedule_runs_once_and_keeps_its_rhythm(every_ten, missed):
    Schedule.objects.update(next_run=NOW - timedelta(minutes=10 * missed - 3))
    assert enqueue_due(NOW) == 1
    assert enqueue_due(NOW) == 0
    assert row().next_run == NOW + timedelta(minutes=3)


def test_a_nightly_run_that_was_missed_is_made_up_for_once_and_comes_at_night_again():
    schedules.sync()
    Schedule.objects.filter(name="site_nightly").update(next_run=datetime(2026, 3, 1, 21, tzinfo=UTC))
    Schedule.objects.exclude(name="site_nightly").delete()
    enqueue_due(NOW)
    assert enqueue_due(NOW) == 0
    assert jobs(tasks.nightly) == 1
    assert row("site_nightly").next_run == datetime(2026, 3, 10, 21, tzinfo=UTC)  # 02:30 in India


def test_a_daily_row_that_was_missed_keeps_its_time_of_day():
    Schedule.objects.create(
        name="d", func=PATH, schedule_type=Schedule.DAILY, next_run=datetime(2026, 2, 1, 5, 15, tzinfo=UTC)
    )
    enqueue_due(NOW)
    assert row("d").next_run == datetime(2026, 3, 11, 5, 15, tzinfo=UTC)
    assert jobs(tasks.leave_effect) == 1


# --- Overlap ----------------------------------------------------------------------------------------------
def test_a_run_is_skipped_while_the_last_one_is_unfinished(every_ten):
    enqueue_due(NOW)
    assert enqueue_due(NOW + timedelta(minutes=10)) == 0
    assert jobs(tasks.every_ten_minutes) == 1
    assert row().next_run == NOW + timedelta(minutes=20)
    drain()
    assert enqueue_due(NOW + timedelta(minutes=20)) == 1


def test_a_skipped_run_uses_up_no_repeat():
    schedule(PATH, name="twice", schedule_type=Schedule.MINUTES, minutes=1, repeats=2, next_run=NOW)
    for minute in range(3):
        enqueue_due(NOW + timedelta(minutes=minute))
    assert row("twice").repeats == 1


# --- The clock --------------------------------------------------------------------------------------------
def test_a_clock_that_ran_years_ahead_does_not_stop_a_schedule_once_it_is_set_right(every_ten):
    scheduler = Scheduler()
    scheduler.enqueue_due(NOW + timedelta(days=3650))
    drain()
    scheduler.enqueue_due(NOW)
    assert row().next_run == NOW + timedelta(minutes=10)


def test_a_start_sets_right_what_a_clock_ahead_has_left(every_ten):
    Schedule.objects.update(next_run=NOW + timedelta(days=3650))
    schedules.sync(NOW)
    assert row().next_run == NOW + timedelta(minutes=10)


def test_a_nightly_job_does_not_run_twice_when_the_clock_is_set_back_over_it():
    scheduler = Scheduler()
    schedules.sync(datetime(2026, 3, 10, 20, 59, tzinfo=UTC))
    Schedule.objects.exclude(name="site_nightly").delete()
    half_past_two = datetime(2026, 3, 10, 21, tzinfo=UTC)
    assert scheduler.enqueue_due(half_past_two) == 1
    drain()
    for minutes in (-30, -1, 0, 1):  # set back by half an hour, and on it goes
        scheduler.enqueue_due(half_past_two + timedelta(minutes=minutes))
    assert row("site_nightly").next_run == half_past_two + timedelta(days=1)
    assert jobs(tasks.nightly) == 0


def test_a_clock_that_is_only_adjusted_changes_nothing(every_ten, django_assert_num_queries):
    scheduler = Scheduler()
    scheduler.enqueue_due(NOW - timedelta(minutes=1))
    with django_assert_num_queries(1):
        scheduler.enqueue_due(NOW - timedelta(minutes=1, seconds=1))


# --- Django Q2's words ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "following"),
    [
        (Schedule.MINUTES, datetime(2026, 1, 31, 12, 7, tzinfo=UTC)),
        (Schedule.HOURLY, datetime(2026, 1, 31, 13, tzinfo=UTC)),
        (Schedule.DAILY, datetime(2026, 2, 1, 12, tzinfo=UTC)),
        (Schedule.WEEKLY, datetime(2026, 2, 7, 12, tzinfo=UTC)),
        (Schedule.BIWEEKLY, datetime(2026, 2, 14, 12, tzinfo=UTC)),
        (Schedule.MONTHLY, datetime(2026, 2, 28, 12, tzinfo=UTC)),
        (Schedule.BIMONTHLY, datetime(2026, 3, 31, 12, tzinfo=UTC)),
        (Schedule.QUARTERLY, datetime(2026, 4, 30, 12, tzinfo=UTC)),
        (Schedule.YEARLY, datetime(2027, 1, 31, 12, tzinfo=UTC)),
        (Schedule.CRON, datetime(2026, 1, 31, 22, tzinfo=UTC)),
    ],
)
def test_each_type_moves_on_as_its_name_says(kind, following):
    made = schedule(PATH, schedule_type=kind, minutes=7, cron="0 22 * * *")
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    Schedule.objects.filter(pk=made.pk).update(next_run=start)
    assert enqueue_due(start) == 1
    made.refresh_from_db()
    assert (made.next_run, made.repeats) == (following, -1)


def test_once_goes_after_its_run():
    schedule(PATH, "effect", next_run=NOW)
    assert enqueue_due(NOW) == 1
    assert not Schedule.objects.exists()


def test_once_with_repeats_stays_and_is_done():
    made = schedule(PATH, "effect", next_run=NOW, repeats=1)
    assert [enqueue_due(NOW), enqueue_due(NOW)] == [1, 0]
    made.refresh_from_db()
    assert made.repeats == 0
    assert made.task == QueuedJob.objects.get().job_id


def test_repeats_are_counted_down_and_end():
    schedule(PATH, name="n", schedule_type=Schedule.HOURLY, repeats=2, next_run=NOW)
    ran = 0
    for hour in range(5):
        ran += enqueue_due(NOW + timedelta(hours=hour))
        drain()
    assert (ran, row("n").repeats) == (2, 0)


def test_repeats_of_zero_never_run():
    schedule(PATH, schedule_type=Schedule.HOURLY, repeats=0, next_run=NOW)
    assert enqueue_due(NOW) == 0


@pytest.mark.parametrize("kwargs", ["key='k', size=3", "{'key': 'k', 'size': 3}", "key='k',\n  size=3,"])
def test_keyword_arguments_in_both_spellings(kwargs):
    Schedule.objects.create(func=tasks.only_one.path, kwargs=kwargs, next_run=NOW)
    enqueue_due(NOW)
    assert OrmQ.objects.get().kwargs() == {"key": "k", "size": 3}


@pytest.mark.parametrize(("args", "read"), [("'k'", ("k",)), ("'k', 3", ("k", 3)), ("('k', 3)", ("k", 3))])
def test_arguments_one_or_many(args, read):
    Schedule.objects.create(func=tasks.only_one.path, args=args, next_run=NOW)
    enqueue_due(NOW)
    assert OrmQ.objects.get().args() == read


def test_schedule_takes_arguments_hook_and_options_and_the_history_tells_them():
    made = schedule(
        PATH,
        name="told",
        hook="tests.site.tasks.note_result",
        schedule_type=Schedule.HOURLY,
        next_run=NOW,
        q_options={"task_name": "by its name", "timeout": 33},
    )
    assert made.last_run() is None
    enqueue_due(NOW)
    assert OrmQ.objects.get().q_options()["timeout"] == 33
    drain()
    made.refresh_from_db()
    finished = Task.objects.get(id=made.task)
    assert (finished.name, finished.group, finished.hook) == (
        "by its name",
        "told",
        "tests.site.tasks.note_result",
    )
    assert made.success() is True
    assert finished.name in made.last_run()
    assert Effect.objects.filter(name="hook True").exists()


def test_the_intended_date_is_handed_over_even_when_it_is_late():
    made = schedule(
        PATH, schedule_type=Schedule.HOURLY, next_run=NOW - timedelta(hours=5), intended_date_kwarg="name"
    )
    assert made.intended_date_kwarg == "name"
    enqueue_due(NOW)
    assert OrmQ.objects.get().kwargs() == {"name": "2026-03-10T07:00:00+00:00"}


def test_a_cluster_is_the_queue():
    schedule(PATH, next_run=NOW, cluster="low_priority")
    schedule(PATH, next_run=NOW, cluster="IMS_Q_Cluster")  # one that serves all: the task's own queue
    enqueue_due(NOW)
    assert sorted(OrmQ.objects.values_list("key", flat=True)) == ["low_priority", "normal"]


def test_a_task_may_be_named_by_its_public_name():
    schedule("tests.leave_effect", next_run=NOW)
    enqueue_due(NOW)
    assert jobs(tasks.leave_effect) == 1


def test_a_cron_row_made_by_hand_waits_for_its_time():
    made = schedule(PATH, schedule_type=Schedule.CRON, cron="0 12 * * *")
    assert made.next_run > timezone.now()
    assert enqueue_due(timezone.now()) == 0


def test_many_rows_take_two_statements_each_and_a_few_together(django_assert_max_num_queries, monkeypatch):
    monkeypatch.setattr(due, "SECONDS_A_ROUND", 60)  # on however busy a machine
    for number in range(100):
        schedule(PATH, str(number), next_run=NOW)
    with django_assert_max_num_queries(2 * 100 + 20):
        assert enqueue_due(NOW) == 100
