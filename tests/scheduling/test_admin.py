"""Django Q2's pages in the admin, with our rows."""

import pytest
from django.urls import reverse
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.tasks import async_chain, async_task

from scheduling import schedules
from scheduling.models import QueuedJob
from scheduling.testing import drain, enqueued
from tests.site import tasks

pytestmark = pytest.mark.django_db
SECRET = "s3cr3t-of-a-customer"


@pytest.fixture
def client(client, admin):
    client.force_login(admin)
    return client


def page(client, model, row=None):
    name = f"admin:django_q_{model._meta.model_name}"
    url = reverse(f"{name}_change", args=[row.pk]) if row else reverse(f"{name}_changelist")
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def resubmit(client, model, follow=True):
    """What the admin sends for 'Resubmit selected tasks to queue'."""
    keys = list(model.objects.values_list("pk", flat=True))
    url = reverse(f"admin:django_q_{model._meta.model_name}_changelist")
    answer = client.post(url, {"action": "resubmit_task", "_selected_action": keys}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_list_and_page_shows_our_rows(client):
    schedules.sync()
    tasks.leave_effect.enqueue("done")
    tasks.fail_for_good.enqueue()
    drain()
    tasks.leave_effect.enqueue("waits")
    for model in (Success, Failure, OrmQ, Schedule):
        assert "tests.site.tasks." in page(client, model)
        page(client, model, model.objects.first())


@pytest.mark.parametrize("args", [((), {"secret": SECRET}), ((SECRET,), {})])
def test_sensitive_arguments_are_hidden_while_queued_and_when_finished(client, args):
    tasks.with_secret.enqueue(*args[0], **args[1])
    assert SECRET not in page(client, OrmQ, OrmQ.objects.get())
    drain()
    shown = page(client, Success, Success.objects.get())
    assert SECRET not in shown
    assert "••••••" in shown


def test_sensitive_arguments_of_a_chain_are_hidden(client):
    async_chain([(tasks.leave_effect, ("a",)), (tasks.with_secret, (SECRET,))])
    assert SECRET not in page(client, OrmQ, OrmQ.objects.get())


def test_a_success_is_resubmitted_with_its_true_arguments(client):
    tasks.with_secret.enqueue(SECRET)
    drain()
    Success.objects.update(cluster="IMS_Q_Cluster")  # as a cluster that serves all queues records it
    resubmit(client, Success)
    assert enqueued(tasks.with_secret) == [{"secret": SECRET}]
    assert QueuedJob.objects.get().key == "normal"


def test_a_failure_is_resubmitted_and_goes_from_the_list(client):
    tasks.fail_for_good.enqueue()
    drain()
    resubmit(client, Failure)
    assert not Failure.objects.exists()
    assert OrmQ.objects.count() == 1


def test_a_failure_of_an_undeclared_function_is_not_resubmitted_but_told(client):
    tasks.fail_for_good.enqueue()
    drain()
    Failure.objects.update(func="os.system")
    assert "not a declared task" in resubmit(client, Failure)
    assert Failure.objects.count() == 1


def test_django_q2s_async_task_accepts_the_name_of_the_cluster():
    async_task("tests.site.tasks.urgent", "a", cluster="IMS_Q_Cluster")
    assert QueuedJob.objects.get().key == "high_priority"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("func", "os.system", "not a declared task"),
        ("hook", "os.system", "not a declared hook"),
        ("cluster", "express", "The queues are"),
    ],
)
def test_a_schedule_that_could_not_run_is_refused_at_the_field(client, field, value, message):
    data = {
        "func": tasks.leave_effect.path,
        "schedule_type": "O",
        "repeats": "-1",
        "next_run_0": "2030-01-01",
        "next_run_1": "00:00",
        field: value,
    }
    answer = client.post(reverse("admin:django_q_schedule_add"), data)
    assert message in " ".join(answer.context["adminform"].form.errors[field])
    assert not Schedule.objects.exists()
