"""The `schedules` command, checks of the settings, and pruning."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.utils import timezone
from django_q.models import Schedule, Task

from scheduling import history, schedules
from scheduling.checks import check_connections, check_q_cluster
from tests.site import tasks

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command("schedules", *arguments, stdout=out)
    return out.getvalue()


def test_list_shows_every_schedule_with_its_cadence():
    schedules.sync()
    table = run("list")
    assert "prune_history" in table
    assert "every 60 minutes (1 hour)" in table
    assert "by cron 30 2 * * * (Asia/Kolkata)" in table


def test_start_stop_status_and_run():
    assert "every 5 minutes" in run("start", "site_every", "--interval", "5")
    assert "stopped" in run("stop", "site_every")
    assert json.loads(run("status", "site_every", "--json"))[0]["active"] is False
    assert run("run", "site_every").startswith("Queued job ")


def test_show_previews_the_next_runs_in_utc_and_in_the_schedules_zone():
    schedules.sync()
    shown = run("show", "site_nightly")
    assert shown.count("21:00:00 UTC, 02:30 in Asia/Kolkata") == 5
    assert len(json.loads(run("show", "site_nightly", "--json"))[0]["next_runs"]) == 5


def test_list_and_show_tell_why_a_row_is_broken():
    Schedule.objects.create(
        name="mine", func=tasks.leave_effect.path, args="syntax error(", schedule_type="D"
    )
    for arguments in (["list"], ["show", "mine"], ["status", "mine"]):
        shown = run(*arguments)
        assert "broken: args: 'syntax error(' cannot be read" in shown
        assert "daily" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["start"], "name the schedule"),
        (["start", "no_such"], "There is no schedule 'no_such'"),
        (["start", "site_every", "--interval", "0"], "from 1 to 32767"),
        (["start", "site_nightly", "--interval", "5"], "runs by cron"),
    ],
)
def test_a_wrong_call_is_refused_with_the_cure(arguments, message):
    with pytest.raises(CommandError, match=message):
        run(*arguments)


@pytest.mark.parametrize(
    ("name", "value", "check_id"),
    [
        ("broker_class", "django_q.brokers.orm.ORM", "scheduling.E001"),
        ("retry", 30, "scheduling.E002"),
        ("timeout", None, "scheduling.E010"),
        ("scheduler", True, "scheduling.E003"),
        ("max_attempts", 3, "scheduling.E004"),
        ("ack_failures", True, "scheduling.E005"),
        ("save_limit", 250, "scheduling.E006"),
        ("catch_up", True, "scheduling.E007"),
        ("ALT_CLUSTERS", {}, "scheduling.E008"),
        ("orm", "other", "scheduling.E009"),
    ],
)
def test_an_unsafe_setting_is_refused_by_name(settings, name, value, check_id):
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, name: value}
    [error] = check_q_cluster()
    assert (error.id, name in error.msg, bool(error.hint)) == (check_id, True, True)
    with pytest.raises(SystemCheckError, match=check_id):
        call_command("check")


def test_a_connection_for_every_job_is_refused_on_postgresql(monkeypatch):
    assert check_connections() == []
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    expected = ["scheduling.E011"] if connection.vendor == "postgresql" else []
    assert [error.id for error in check_connections()] == expected


def finished(func, age, success=True):
    stopped = timezone.now() - age
    return Task.objects.create(
        id=f"{Task.objects.count():032}",
        name="n",
        func=func,
        started=stopped,
        stopped=stopped,
        success=success,
    )


def test_history_is_pruned_by_each_tasks_keep_and_failures_later():
    old = finished(tasks.leave_effect.path, timedelta(days=31))
    young = finished(tasks.leave_effect.path, timedelta(days=29))
    failure = finished(tasks.leave_effect.path, timedelta(days=31), success=False)
    old_failure = finished(tasks.leave_effect.path, timedelta(days=91), success=False)
    undeclared = finished("gone.tasks.gone", timedelta(days=31))
    counts = history.prune(timezone.now())
    assert set(Task.objects.all()) == {young, failure}
    assert (counts["successes"], counts["failures"]) == (2, 1)
    assert old not in Task.objects.all()
    assert old_failure not in Task.objects.all()
    assert undeclared not in Task.objects.all()
