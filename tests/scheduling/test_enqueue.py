"""From a call to a row in Django Q2's queue."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task
from django_q.tasks import schedule as django_q_schedule

from scheduling import Undeclared, queue_length
from scheduling.models import QueuedJob
from scheduling.testing import assert_enqueued, enqueued
from tests.site import tasks


@pytest.mark.django_db
def test_one_job_is_one_row_whose_key_is_its_queue():
    job = tasks.urgent.enqueue("a")
    row = OrmQ.objects.get()
    assert (row.key, row.task_id(), row.func()) == ("high_priority", job.id, "tests.site.tasks.urgent")
    assert job.state == "waiting"
    assert queue_length("high_priority") == 1


@pytest.mark.django_db
def test_enqueueing_a_plain_job_takes_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        tasks.leave_effect.enqueue(name="a")


@pytest.mark.django_db(transaction=True)
def test_a_job_enqueued_in_a_transaction_rolls_back_with_it():
    with transaction.atomic():
        tasks.leave_effect.enqueue(name="a")
        assert OrmQ.objects.count() == 1
        transaction.set_rollback(True)
    assert not OrmQ.objects.exists()


@pytest.mark.django_db
def test_a_thousand_jobs_take_few_statements(django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        jobs = tasks.leave_effect.enqueue_many([{"name": str(number)} for number in range(1000)])
    assert len({job.id for job in jobs}) == OrmQ.objects.count() == 1000


@pytest.mark.django_db
def test_a_delayed_job_is_scheduled_until_its_time():
    job = tasks.leave_effect.enqueue_at(timezone.now() + timedelta(hours=1), name="later")
    assert job.state == "scheduled"


@pytest.mark.django_db
def test_a_time_without_its_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        tasks.leave_effect.enqueue_at(timezone.now().replace(tzinfo=None), name="when?")


@pytest.mark.django_db
@pytest.mark.parametrize("value", [Decimal("1.50"), {1, 2}, b"bytes", float("nan"), {1: "a"}, (1, 2)])
def test_an_argument_that_is_no_json_value_is_refused_by_name(value):
    with pytest.raises(TypeError, match="argument 'name' is"):
        tasks.leave_effect.enqueue(name=value)
    assert not OrmQ.objects.exists()


@pytest.mark.django_db
def test_a_call_that_cannot_work_is_refused_before_it_is_queued():
    with pytest.raises(TypeError, match="unexpected keyword argument 'nome'"):
        tasks.leave_effect.enqueue(nome="typo")


@pytest.mark.django_db
def test_a_unique_job_takes_the_place_of_its_unfinished_twin():
    first = tasks.only_one.enqueue("a")
    assert tasks.only_one.enqueue(key="a", size=1) == first  # the same call, spelt otherwise
    assert tasks.only_one.enqueue("b") != first
    assert OrmQ.objects.count() == 2


@pytest.mark.django_db
def test_django_q2s_own_async_task_queues_a_declared_task():
    job_id = async_task("tests.site.tasks.urgent", "a")
    row = QueuedJob.objects.get()
    assert (row.job_id, row.key) == (job_id, "high_priority")


@pytest.mark.django_db
def test_django_q2s_async_task_takes_the_task_itself_too():
    async_task(tasks.leave_effect, name="a")
    assert_enqueued(tasks.leave_effect, name="a")


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["os.system", "django.core.management.call_command"])
def test_a_function_that_is_not_declared_is_refused(target):
    with pytest.raises(Undeclared):
        async_task(target, "echo")
    assert not OrmQ.objects.exists()


@pytest.mark.django_db
def test_a_hook_that_is_not_declared_is_refused():
    with pytest.raises(Undeclared, match="not a declared hook"):
        async_task("tests.site.tasks.leave_effect", hook="os.system")


@pytest.mark.django_db
def test_a_queue_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="the queues are"):
        async_task("tests.site.tasks.leave_effect", q_options={"cluster": "express"})


@pytest.mark.django_db
def test_django_q2s_schedule_function_works_as_documented():
    django_q_schedule("tests.site.tasks.leave_effect", name="by hand", schedule_type=Schedule.DAILY)
    assert Schedule.objects.get().func == "tests.site.tasks.leave_effect"


@pytest.mark.django_db
def test_enqueued_tells_the_arguments_by_name():
    tasks.only_one.enqueue("a")
    assert enqueued(tasks.only_one) == [{"key": "a"}]
