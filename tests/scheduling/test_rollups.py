"""Figures that outlive the history: each finished job is counted once, whatever happens to the round."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import Task

from scheduling import counting, figures, histogram, history, rollups, samples
from scheduling.declaration import QUEUES
from scheduling.models import Attempt, Cancellation, Heartbeat, QueuedJob
from scheduling.operation_models import Grain, QueueSample, Rollup
from scheduling.testing import drain
from tests.site import tasks

pytestmark = pytest.mark.django_db
FUNC = tasks.leave_effect.path
NOW = datetime(2026, 11, 22, 12, 30, 30, tzinfo=UTC)


def finish(name, ended, *, success=True, took=0.3, waited=None, func=FUNC):
    """A row of the history as the engine writes it."""
    started = ended - timedelta(seconds=took)
    due = started - timedelta(seconds=waited) if waited is not None else None
    stored = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_q_task (id, name, func, started, stopped, success, attempt_count, due_at)"
            " VALUES (%s, 'n', %s, %s, %s, %s, 1, %s)",
            [name, func, stored(started), stored(ended), success, stored(due) if due else None],
        )


def counts(grain=Grain.EVER, measure="run"):
    rows = Rollup.objects.filter(grain=grain, measure=measure)
    found = {}
    for row in rows:
        found[row.outcome] = found.get(row.outcome, 0) + row.count
    return found


def test_every_end_is_counted_once_by_its_outcome_however_often_a_round_runs():
    finish("a", NOW - timedelta(minutes=3))
    finish("b", NOW - timedelta(minutes=3), success=False)
    finish("c", NOW - timedelta(minutes=2), success=False)
    Cancellation.objects.create(job_id="c", honoured_at=NOW)
    Attempt.objects.create(
        job_id="a", number=1, func=FUNC, error="x", stopped_at=NOW - timedelta(minutes=4), retry_at=NOW
    )
    assert rollups.catch_up(NOW) == 4
    assert rollups.catch_up(NOW) == 0
    told = {"succeeded": 1, "failed": 1, "cancelled": 1, "retried": 1}
    assert counts() == counts(Grain.HOUR) == counts(Grain.MINUTE) == told


def test_a_round_that_is_killed_has_counted_nothing_and_batches_add_up(monkeypatch):
    monkeypatch.setattr(rollups, "BATCH", 2)
    for n in range(7):
        finish(f"j{n}", NOW - timedelta(minutes=5, seconds=-n))
    add, calls = counting.add, []

    def dies_at_the_second(model, keys, tally):
        calls.append(tally)
        add(model, keys, tally)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(counting, "add", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        rollups.catch_up(NOW)
    assert counts() == {"succeeded": 2}
    rollups.catch_up(NOW)
    assert counts() == {"succeeded": 7}


def test_what_a_silent_cluster_may_still_write_down_is_waited_for():
    """Its database was away for a while: results come late, with the times at which their jobs ended."""
    beat = Heartbeat.objects.create(
        cluster_id="0" * 32, workers=2, seen_at=NOW - timedelta(minutes=10), lease_until=NOW
    )
    QueuedJob.objects.create(key="normal", payload="?", lock=NOW, job_id="held", func=FUNC, holder=beat.pk)
    finish("early", NOW - timedelta(minutes=5))
    assert rollups.catch_up(NOW) == 0
    finish("late", NOW - timedelta(minutes=9))
    QueuedJob.objects.all().delete()
    assert rollups.catch_up(NOW) == 2


def test_nothing_is_pruned_before_it_is_counted_and_what_is_counted_outlives_the_history(monkeypatch):
    now = timezone.now()
    finish("old", now - timedelta(days=31))
    monkeypatch.setattr(rollups, "SECONDS_A_ROUND", 0)  # the round gets to nothing
    history.prune(now)
    assert Task.objects.count() == 1
    monkeypatch.undo()
    history.prune(now)
    assert Task.objects.count() == 0
    assert counts() == {"succeeded": 1}


def test_minutes_and_hours_go_when_they_are_old_and_the_count_of_all_time_stays():
    finish("a", NOW - timedelta(minutes=5))
    rollups.catch_up(NOW)
    rollups.prune(NOW + timedelta(days=3))
    assert (counts(Grain.MINUTE), counts(Grain.HOUR)) == ({}, {"succeeded": 1})
    rollups.prune(NOW + timedelta(days=40))
    assert (counts(Grain.HOUR), counts()) == ({}, {"succeeded": 1})


def test_a_chart_shows_each_minute_and_the_length_of_time_that_half_of_the_jobs_kept_within():
    for n in range(10):
        finish(f"quick{n}", NOW - timedelta(minutes=3), took=0.15, waited=1.5)
    finish("slow", NOW - timedelta(minutes=1), took=40, success=False)
    rollups.catch_up(NOW)
    chart = figures.chart("hour", now=NOW)
    assert len(chart.points) == 60
    by_minute = {point.start.minute: point for point in chart.points}
    assert by_minute[27].outcomes == {"succeeded": 10}
    assert by_minute[29].outcomes == {"failed": 1}
    assert 0.1 < by_minute[27].run_p50 <= 0.2
    assert 1 < by_minute[27].wait_p95 <= 2
    assert 20 < by_minute[29].run_p95 <= 50
    assert by_minute[28].outcomes == {}
    assert figures.chart("hour", task="tests.urgent", now=NOW).total == 0
    assert figures.chart("hour", queue="normal", now=NOW).total == 11
    [row] = figures.by_task("day", now=NOW)
    assert (row.task, row.count, row.failed) == ("tests.leave_effect", 11, 1)


@pytest.mark.parametrize(("span", "points"), [("hour", 60), ("day", 96), ("week", 168), ("month", 120)])
def test_every_span_counts_what_ended_in_it(span, points):
    finish("a", NOW - timedelta(minutes=5))
    rollups.catch_up(NOW)
    chart = figures.chart(span, now=NOW)
    assert (len(chart.points), chart.total) == (points, 1)


def test_a_sample_tells_each_queue_once_a_minute_and_of_old_hours_the_longest_stays():
    tasks.leave_effect.enqueue()
    now = timezone.now()
    samples.take(now)
    drain()
    samples.take(now)
    assert QueueSample.objects.get(queue="normal").waiting == 1
    assert QueueSample.objects.count() == len(QUEUES)
    samples.take(now.replace(minute=(now.minute + 1) % 60))
    samples.prune(now + timedelta(days=3))
    assert [row.waiting for row in QueueSample.objects.filter(queue="normal")] == [1]


def test_the_sizes_of_the_largest_tables_are_told():
    samples.take(timezone.now())
    assert samples.sizes()
    assert all(each.size > 0 for each in samples.sizes())


def test_a_share_is_found_inside_its_bucket():
    spread = {histogram.bucket(seconds): 1 for seconds in (0.0004, 0.003, 4, 1e7)}
    assert histogram.quantile(spread, 0.25) <= 0.001
    assert 2 < histogram.quantile(spread, 0.75) <= 5
    assert histogram.quantile(spread, 1) == histogram.BOUNDS[-1]
    assert histogram.quantile({}, 0.5) is None


def test_how_long_a_job_waited_is_known_from_its_end():
    tasks.leave_effect.enqueue()
    QueuedJob.objects.update(lock=timezone.now() - timedelta(seconds=30))
    drain()
    rollups.catch_up(timezone.now() + timedelta(minutes=1))
    [row] = figures.by_task("hour")
    assert 20 < row.wait_p95 <= 50
