"""Django Q2's pages in the admin, with our rows."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.tasks import async_chain, async_task

from ims.lib.models import AuditLog
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


def test_a_failure_is_resubmitted_with_the_queue_of_its_call(client):
    async_task(tasks.fail_for_good.path, cluster="low_priority")
    drain()
    resubmit(client, Failure)
    assert OrmQ.objects.get().key == "low_priority"


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
        ("args", "syntax error(", "cannot be read"),
        ("args", "1, 2, 3", "cannot be called so"),
        ("kwargs", "not even close", "cannot be read"),
        ("intended_date_kwarg", "nobody", "cannot be called so"),
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


def change(client, row, **fields):
    """What the admin sends for a changed Schedule row."""
    url = reverse("admin:django_q_schedule_change", args=[row.pk])
    form = client.get(url).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if name in form.fields and value is not None}
    if "next_run" in form.fields:
        date, time = str(data.pop("next_run").replace(tzinfo=None)).split(" ")
        data |= {"next_run_0": date, "next_run_1": time}
        data |= {"initial-next_run_0": date, "initial-next_run_1": time}  # hidden on the page
    answer = client.post(url, {**data, **fields})
    assert answer.status_code == 302, answer.context["adminform"].form.errors


def test_another_rhythm_of_a_row_made_by_hand_takes_effect_at_once(client):
    made = Schedule.objects.create(
        func=tasks.leave_effect.path,
        schedule_type=Schedule.MONTHLY,
        next_run=timezone.now().replace(microsecond=0) + timedelta(days=20),
    )
    change(client, made, schedule_type="C", cron="0 12 * * *")
    made.refresh_from_db()
    assert made.next_run.hour == 12
    assert made.next_run - timezone.now() <= timedelta(days=1)


def test_a_next_run_given_by_hand_is_kept(client):
    made = Schedule.objects.create(
        func=tasks.leave_effect.path,
        schedule_type=Schedule.DAILY,
        next_run=timezone.now().replace(microsecond=0),
    )
    change(client, made, schedule_type="W", next_run_0="2040-01-01", next_run_1="06:00")
    made.refresh_from_db()
    assert f"{made.next_run:%Y-%m-%d %H:%M}" == "2040-01-01 06:00"


def test_of_a_declared_schedule_the_interval_is_changed_at_once_for_good_and_on_record(client, admin):
    schedules.sync()
    change(client, Schedule.objects.get(name="site_every"), minutes="3")
    schedules.sync()
    status = schedules.status("site_every")
    assert status.interval_minutes == 3
    assert status.next_run - timezone.now() <= timedelta(minutes=3)
    assert AuditLog.objects.get(action="schedule.start").user == admin


@pytest.mark.parametrize("minutes", ["", "0", "-1"])
def test_an_impossible_interval_of_a_declared_schedule_is_refused_at_the_field(client, minutes):
    schedules.sync()
    url = reverse("admin:django_q_schedule_change", args=[Schedule.objects.get(name="site_every").pk])
    answer = client.post(url, {"minutes": minutes})
    assert answer.context["adminform"].form.errors["minutes"]
    assert schedules.status("site_every").interval_minutes == 10


def test_what_code_declares_is_not_edited(client):
    schedules.sync()
    url = reverse("admin:django_q_schedule_change", args=[Schedule.objects.get(name="site_every").pk])
    assert list(client.get(url).context["adminform"].form.fields) == ["minutes"]
    url = reverse("admin:django_q_schedule_change", args=[Schedule.objects.get(name="site_nightly").pk])
    assert list(client.get(url).context["adminform"].form.fields) == []


def test_deleting_stops_a_declared_schedule_and_removes_a_row_made_by_hand(client):
    schedules.sync()
    Schedule.objects.create(func=tasks.leave_effect.path)
    url = reverse("admin:django_q_schedule_changelist")
    keys = list(Schedule.objects.values_list("pk", flat=True))
    client.post(url, {"action": "delete_selected", "_selected_action": keys, "post": "yes"})
    schedules.sync()
    assert not Schedule.objects.exists()


def test_the_list_tells_why_a_row_is_broken(client):
    Schedule.objects.create(func="os.system")
    assert "func: &#x27;os.system&#x27; is not a declared task" in page(client, Schedule)
