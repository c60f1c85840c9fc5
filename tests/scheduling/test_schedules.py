"""Declared cadence + the operator's override = one Schedule row."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import Schedule

from ims.lib.models import AuditLog
from scheduling import schedules
from scheduling.cadence import Cadence
from scheduling.exceptions import BadInterval, UnknownSchedule
from scheduling.models import ScheduleOverride
from tests.site import tasks

pytestmark = pytest.mark.django_db
NAME = "site_every"


def row(name=NAME):
    return Schedule.objects.get(name=name)


def test_a_schedule_registered_for_the_first_time_is_due_at_once():
    schedules.sync()
    assert row().next_run <= timezone.now()
    assert row().minutes == 10
    assert row().func == "tests.site.tasks.every_ten_minutes"


def test_a_cron_registered_for_the_first_time_waits_for_its_time():
    schedules.sync()
    nightly = row("site_nightly")
    assert nightly.cron == "30 2 * * *"
    assert f"{nightly.next_run:%H:%M}" == "21:00"  # 02:30 in India


def test_a_second_start_keeps_the_next_run_and_the_row():
    schedules.sync()
    later = timezone.now() + timedelta(minutes=7)
    Schedule.objects.filter(name=NAME).update(next_run=later)
    before = row().pk
    schedules.sync()
    assert (row().pk, row().next_run) == (before, later)


def test_rows_made_by_hand_are_left_alone_even_under_the_same_name():
    mine = Schedule.objects.create(name=NAME, func="tests.site.tasks.urgent", args="'mine'")
    schedules.sync()
    schedules.stop(NAME)
    assert list(Schedule.objects.filter(name=NAME)) == [mine]


def test_a_schedule_that_is_no_longer_declared_is_removed():
    old = Schedule.objects.create(name="old", func="tests.site.tasks.gone")
    ScheduleOverride.objects.create(name="old", schedule_id=old.pk)
    schedules.sync()
    assert not Schedule.objects.filter(name="old").exists()
    assert not ScheduleOverride.objects.filter(name="old").exists()


def test_what_a_newer_release_declared_outlives_the_start_of_an_old_cluster(settings):
    """Both what the old code does not know, and a cadence that the newer one changed."""
    schedules.sync()
    newer = Schedule.objects.create(name="newer", func="tests.site.tasks.gone")
    ScheduleOverride.objects.create(name="newer", schedule_id=newer.pk, release=settings.RELEASE)
    Schedule.objects.filter(name=NAME).update(minutes=3)
    settings.RELEASE -= 1
    schedules.sync()
    assert Schedule.objects.filter(name="newer").exists()
    assert row().minutes == 3


def test_a_deliberate_return_to_an_older_release_takes_the_schedules_over(settings):
    newer = Schedule.objects.create(name="newer", func="tests.site.tasks.gone")
    ScheduleOverride.objects.create(name="newer", schedule_id=newer.pk, release=settings.RELEASE + 1)
    call_command("schedules", "take-over", stdout=StringIO())
    assert not ScheduleOverride.objects.filter(name="newer").exists()
    assert not Schedule.objects.filter(name="newer").exists()


def test_a_new_interval_takes_effect_at_once():
    schedules.sync()
    status = schedules.start(NAME, 5)
    assert status.changed
    assert status.interval_minutes == 5
    assert timedelta(minutes=4) < row().next_run - timezone.now() <= timedelta(minutes=5)


def test_the_same_interval_changes_nothing():
    schedules.start(NAME, 5)
    before = row().next_run
    assert not schedules.start(NAME, 5).changed
    assert row().next_run == before


def test_force_makes_it_due_now():
    schedules.start(NAME, 5)
    Schedule.objects.update(next_run=timezone.now() + timedelta(hours=1))
    schedules.start(NAME, 5, force=True)
    assert row().next_run <= timezone.now()


def test_a_start_without_interval_returns_to_the_declared_one():
    schedules.start(NAME, 5)
    assert schedules.start(NAME).interval_minutes == 10


def test_a_stopped_schedule_is_resumed_as_it_was(operator):
    schedules.start(NAME, 5)
    assert schedules.stop(NAME).interval_minutes == 5
    assert schedules.status(NAME).interval_minutes == 5
    [listed] = [each for each in schedules.all_statuses() if each.name == NAME]
    assert listed.interval_minutes == 5
    resumed = schedules.resume(NAME, user=operator)
    assert (resumed.active, resumed.interval_minutes, row().minutes) == (True, 5, 5)
    assert AuditLog.objects.latest("id").action == "schedule.start"


def test_a_schedule_that_nobody_changed_is_resumed_as_declared(monkeypatch):
    schedules.stop(NAME)
    monkeypatch.setattr(tasks.every_ten_minutes, "cadence", Cadence(NAME, 3, None, "UTC"))
    assert schedules.resume(NAME).interval_minutes == 3


def test_a_stop_holds_until_a_start():
    schedules.sync()
    assert not schedules.stop(NAME).active
    schedules.sync()
    assert not Schedule.objects.filter(name=NAME).exists()
    assert schedules.start(NAME).active


def test_a_stop_of_a_stopped_schedule_is_no_error():
    schedules.stop(NAME)
    assert not schedules.stop(NAME).active


@pytest.mark.parametrize("minutes", [0, -5, 32768, 1.5, True, "60"])
def test_an_impossible_interval_is_refused(minutes):
    with pytest.raises(BadInterval, match="whole number of minutes from 1 to 32767"):
        schedules.start(NAME, minutes)


def test_an_interval_on_a_cron_is_refused():
    with pytest.raises(BadInterval, match="runs by cron"):
        schedules.start("site_nightly", 5)


def test_an_unknown_schedule_is_refused_with_the_known_ones():
    with pytest.raises(UnknownSchedule, match="site_every"):
        schedules.start("no_such")


def test_every_control_action_is_in_the_audit_log(operator):
    schedules.start(NAME, 5, user=operator)
    schedules.stop(NAME, user=operator)
    schedules.run_now(NAME, user=operator)
    entries = AuditLog.objects.order_by("id")
    assert [entry.action for entry in entries] == ["schedule.start", "schedule.stop", "schedule.run_now"]
    assert {entry.user for entry in entries} == {operator}
    assert entries[0].after == {"stopped": False, "interval_minutes": 5}


# --- What a deployment changes ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("cron", "tz", "hour"),
    [("0 5 * * *", "Asia/Kolkata", "23:30"), ("30 2 * * *", "Asia/Tokyo", "17:30")],
)
def test_another_cron_or_zone_in_the_code_takes_effect_at_the_next_start(monkeypatch, cron, tz, hour):
    schedules.sync()
    monkeypatch.setattr(tasks.nightly, "cadence", Cadence("site_nightly", None, cron, tz))
    schedules.sync()
    assert f"{row('site_nightly').next_run:%H:%M}" == hour
    assert row("site_nightly").next_run > timezone.now()


def test_another_interval_in_the_code_takes_effect_at_the_next_start(monkeypatch):
    schedules.sync()
    Schedule.objects.filter(name=NAME).update(next_run=timezone.now() + timedelta(minutes=9))
    monkeypatch.setattr(tasks.every_ten_minutes, "cadence", Cadence(NAME, 3, None, "UTC"))
    schedules.sync()
    assert row().next_run - timezone.now() <= timedelta(minutes=3)


def test_an_operators_interval_outlives_another_one_in_the_code(monkeypatch):
    schedules.start(NAME, 5)
    monkeypatch.setattr(tasks.every_ten_minutes, "cadence", Cadence(NAME, 3, None, "UTC"))
    schedules.sync()
    assert row().minutes == 5


def test_an_interval_that_becomes_a_cron_takes_effect_at_the_next_start(monkeypatch):
    schedules.sync()
    monkeypatch.setattr(tasks.every_ten_minutes, "cadence", Cadence(NAME, None, "0 0 1 1 *", "UTC"))
    schedules.sync()
    assert (row().schedule_type, row().minutes, f"{row().next_run:%m-%d}") == (Schedule.CRON, None, "01-01")


def test_a_start_after_nothing_has_changed_writes_nothing():
    schedules.sync()
    with CaptureQueriesContext(connection) as queries:
        schedules.sync()
    assert not [each for each in queries if each["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


# --- Preview ----------------------------------------------------------------------------------------------
def test_the_preview_shows_the_next_runs():
    schedules.start(NAME, 5)
    runs = schedules.next_runs(NAME, 3)
    assert [b - a for a, b in pairwise(runs)] == [timedelta(minutes=5)] * 2


def test_the_preview_of_a_cron_is_right_in_its_zone():
    schedules.sync()
    runs = schedules.next_runs("site_nightly")
    assert len(runs) == 5
    assert {f"{run:%H:%M}" for run in runs} == {"21:00"}


def test_the_preview_of_an_overdue_schedule_begins_with_the_missed_run_and_goes_on_after_now():
    schedules.sync()
    overdue = timezone.now() - timedelta(days=2)
    Schedule.objects.filter(name=NAME).update(next_run=overdue)
    first, second = schedules.next_runs(NAME, 2)
    assert first == overdue
    assert timedelta() < second - timezone.now() <= timedelta(minutes=10)


def test_a_stopped_schedule_has_no_next_runs():
    schedules.stop(NAME)
    assert schedules.next_runs(NAME) == []


@pytest.mark.parametrize(
    ("fields", "hours"),
    [
        ({"schedule_type": Schedule.DAILY}, [0, 24, 48, 72]),
        ({"schedule_type": Schedule.HOURLY}, [0, 1, 2, 3]),
        ({"schedule_type": Schedule.HOURLY, "repeats": 2}, [0, 1]),
        ({"schedule_type": Schedule.HOURLY, "repeats": 0}, []),
        ({"schedule_type": Schedule.ONCE}, [0]),
    ],
)
def test_the_preview_of_a_row_made_by_hand(fields, hours):
    start = timezone.now() + timedelta(days=1)
    Schedule.objects.create(name="mine", func=tasks.leave_effect.path, next_run=start, **fields)
    assert schedules.next_runs("mine", 4) == [start + timedelta(hours=each) for each in hours]


def test_a_preview_ends_where_the_calendar_ends():
    last = datetime(9999, 12, 30, tzinfo=UTC)
    Schedule.objects.create(
        name="mine", func=tasks.leave_effect.path, next_run=last, schedule_type=Schedule.DAILY
    )
    assert schedules.next_runs("mine") == [last, last + timedelta(days=1)]


# --- Rows made by hand ------------------------------------------------------------------------------------
def test_a_row_made_by_hand_is_found_by_its_name_and_by_its_number():
    made = Schedule.objects.create(name="mine", func=tasks.leave_effect.path, schedule_type=Schedule.WEEKLY)
    status = schedules.status("mine")
    assert schedules.status(str(made.pk)) == status
    assert (status.handmade, status.task, status.kind, status.interval_minutes, status.tz) == (
        True,
        "tests.leave_effect",
        "Weekly",
        None,
        "UTC",
    )


def test_a_row_with_the_name_of_a_declared_schedule_is_told_apart_by_its_number():
    schedules.sync()
    made = Schedule.objects.create(name=NAME, func=tasks.leave_effect.path)
    assert not schedules.status(NAME).handmade
    assert schedules.status(str(made.pk)).handmade
    assert [each.key for each in schedules.all_statuses() if each.name == NAME] == [NAME, str(made.pk)]


def test_a_row_made_by_hand_is_not_controlled_here():
    Schedule.objects.create(name="mine", func=tasks.leave_effect.path)
    with pytest.raises(UnknownSchedule, match="mine"):
        schedules.stop("mine")


def test_all_schedules_take_a_constant_number_of_statements(django_assert_num_queries):
    schedules.sync()
    Schedule.objects.create(func=tasks.leave_effect.path)
    with django_assert_num_queries(3):
        assert len(schedules.all_statuses()) >= 3
