"""The broker as code written to Django Q2's documentation asks it."""

import pytest
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task, queue_size

from scheduling import HIGH, LOW, NORMAL
from scheduling.models import JobState, QueuedJob
from tests.site import tasks

pytestmark = pytest.mark.django_db

TASK = "tests.site.tasks.leave_effect"


def queue_of(job_id):
    return QueuedJob.objects.get(job_id=job_id).key


def test_the_broker_of_a_queue_puts_jobs_into_it():
    assert queue_of(async_task(TASK, broker=get_broker(HIGH))) == HIGH


def test_a_named_cluster_goes_before_the_queue_of_the_broker():
    assert queue_of(async_task(TASK, broker=get_broker(HIGH), cluster=LOW)) == LOW


def test_a_job_without_a_queue_goes_to_that_of_its_task_whatever_queue_its_process_serves(monkeypatch):
    monkeypatch.setattr(Conf, "CLUSTER_NAME", HIGH)  # Q_CLUSTER_NAME=high_priority
    assert queue_of(async_task(TASK)) == NORMAL


def test_a_broker_of_no_queue_of_ours_takes_no_job():
    with pytest.raises(ValueError, match="'quick': the queues are high_priority, normal, low_priority"):
        async_task(TASK, broker=get_broker("quick"))
    assert not OrmQ.objects.exists()


def test_the_broker_of_a_queue_sees_and_hands_out_its_jobs_only():
    for queue in (HIGH, LOW, LOW):
        async_task(TASK, cluster=queue)
    broker = get_broker(LOW)
    assert (broker.queue_size(), queue_size(), queue_size(broker)) == (2, 3, 2)
    assert [broker.dequeue() is not None for _ in range(3)] == [True, True, False]


def test_one_call_hands_out_as_many_as_bulk_says(monkeypatch):
    monkeypatch.setattr(Conf, "BULK", 5)
    for _ in range(6):
        async_task(TASK)
    broker = get_broker()
    assert len(broker.dequeue()) == 5
    assert (broker.queue_size(), broker.lock_size()) == (1, 5)


def test_what_may_not_run_is_passed_over(monkeypatch):
    monkeypatch.setattr(Conf, "BULK", 2)
    for name in ("refused", "good"):
        tasks.leave_effect.enqueue(name)
    refused = OrmQ.objects.order_by("pk").first()
    OrmQ.objects.filter(pk=refused.pk).update(payload="no package")
    assert len(get_broker().dequeue()) == 1


def test_acknowledging_twice_is_no_error():
    async_task(TASK)
    broker = get_broker()
    [(fence, _)] = broker.dequeue()
    broker.acknowledge(fence)
    broker.acknowledge(fence)
    assert (broker.queue_size(), broker.lock_size()) == (0, 0)


@pytest.mark.parametrize("how", ["delete", "fail"])
def test_a_row_can_be_deleted_by_its_number(how):
    async_task(TASK)
    broker = get_broker()
    getattr(broker, how)(OrmQ.objects.get().pk)
    assert broker.dequeue() is None


def test_a_queue_can_be_emptied_without_the_others():
    for queue in (HIGH, LOW):
        async_task(TASK, cluster=queue)
    get_broker(LOW).delete_queue()
    assert OrmQ.objects.get().key == HIGH


def test_nothing_that_another_key_signed_is_handed_out_and_it_is_kept(monkeypatch):
    async_task(TASK)
    monkeypatch.setattr(Conf, "SECRET_KEY", "OOPS")
    assert get_broker().dequeue() is None
    assert QueuedJob.objects.get().state == JobState.UNREADABLE
