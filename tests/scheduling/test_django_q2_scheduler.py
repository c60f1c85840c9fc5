"""The facts of Django Q2's own tests of its scheduler (django_q/tests/test_scheduler.py) hold with ours.

What can run as it is shipped does, with declared functions in place of math.copysign and word_multiply, and
with the moment at which a row is due as the time of the round: the shipped tests count on `catch_up`, which
`manage.py check` refuses. Not run as shipped: test_scheduler and test_intended_schedule_kwarg, which look in
queues by keys of their own choice and in the pusher and monitor; their facts are in test_due.py and below.
Left out: the two about database routers, since `Q_CLUSTER["orm"]` must be the one database.
"""

from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import schedule
from django_q.tests import test_scheduler as shipped

from scheduling import task
from scheduling.due import enqueue_due

pytestmark = pytest.mark.django_db


@task()
def copysign(x, y):
    return abs(x) if y >= 0 else -abs(x)


@task()
def word_multiply(x, word=""):
    return len(word) * x


AMSTERDAM = ZoneInfo("Europe/Amsterdam")
STAND_INS = {
    "math.copysign": copysign.path,
    "django_q.tests.tasks.word_multiply": word_multiply.path,
}


class Broker:
    """What the shipped tests ask of one beside the scheduler."""

    list_key = ""

    def queue_size(self):
        return 0


def scheduler(broker=None):
    due = (
        Schedule.objects.filter(next_run__lt=timezone.now()).exclude(repeats=0).order_by("-next_run").first()
    )
    if due:
        enqueue_due(due.next_run)


def create_schedule(func, *args, next_run, **kwargs):
    """The shipped times are naive, and meant in the zone of the shipped settings."""
    return schedule(STAND_INS[func], *args, next_run=next_run.replace(tzinfo=AMSTERDAM), **kwargs)


@pytest.fixture(autouse=True)
def _ours(monkeypatch):
    monkeypatch.setattr(shipped, "scheduler", scheduler)
    monkeypatch.setattr(shipped, "create_schedule", create_schedule)


def test_scheduler_daylight_saving_time_daily(monkeypatch):
    shipped.test_scheduler_daylight_saving_time_daily(Broker(), monkeypatch)


def test_schedule_save_sets_next_run_for_cron():
    shipped.test_schedule_save_sets_next_run_for_cron()


def test_schedule_save_direct_db():
    shipped.test_schedule_save_direct_db(Broker())


# --- From test_scheduler ----------------------------------------------------------------------------------
def test_schedule_refuses_a_name_twice():
    schedule(copysign.path, 1, -1, name="test math")
    with pytest.raises(IntegrityError, match="already exists"):
        schedule(copysign.path, 1, -1, name="test math")


def test_schedule_refuses_a_bad_cron():
    with pytest.raises(ValidationError):
        schedule(word_multiply.path, 2, schedule_type=Schedule.CRON, cron="0 22 * * 1-12")


def test_a_row_tells_its_function_and_has_no_last_run_at_first():
    made = schedule(word_multiply.path, 2, word="django", schedule_type=Schedule.CRON, cron="0 22 * * 1-5")
    assert made.full_clean() is None
    assert str(made) == word_multiply.path
    assert made.last_run() is None


@pytest.mark.parametrize("kind", [kind for kind, _ in Schedule.TYPE if kind != Schedule.CRON])
def test_every_type_with_one_repeat_runs_once(kind):
    made = schedule(word_multiply.path, 2, word="django", schedule_type=kind, repeats=1)
    assert [enqueue_due(timezone.now()), enqueue_due(timezone.now())] == [1, 0]
    made.refresh_from_db()
    assert made.repeats == 0
