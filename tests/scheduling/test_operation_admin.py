"""What operations keep, in the admin: figures are looked at, mutes are changed, on record."""

from datetime import timedelta

import pytest
from django.contrib import admin as site
from django.urls import reverse
from django.utils import timezone

from ims.lib.models import AuditLog
from scheduling import mutes, operation_models, rollups, samples
from scheduling.operation_models import (
    FailureMute,
    HttpCount,
    Incident,
    QueueSample,
    RolledUp,
    Rollup,
    TableSize,
)
from scheduling.testing import drain
from tests.site import tasks

pytestmark = pytest.mark.django_db
LOOK_ONLY = (Rollup, RolledUp, QueueSample, TableSize, HttpCount, Incident)


@pytest.fixture
def client(client, admin):
    client.force_login(admin)
    return client


@pytest.fixture
def muted():
    return mutes.mute("tests.fail", "ValueError: on fire", "seen")


def address(model, page="changelist", *args):
    return reverse(f"admin:scheduling_{model._meta.model_name}_{page}", args=args)


def test_every_model_of_operations_has_a_page_and_figures_cannot_be_touched(client, settings):
    tasks.leave_effect.enqueue("done")
    drain()
    samples.take(timezone.now())
    rollups.catch_up(timezone.now() + timedelta(minutes=1))
    HttpCount.objects.create(view="home", method="GET", status=200, count=1, seconds=0.1)
    TableSize.objects.get_or_create(at=timezone.now(), name="t", defaults={"size": 1, "rows": 1})
    Incident.objects.create(key="cluster", text="No living cluster")
    for model in LOOK_ONLY:
        row = model.objects.first()
        assert client.get(address(model)).status_code == 200
        assert client.get(address(model, "change", row.pk)).status_code == 200
        assert client.post(address(model, "change", row.pk), {}).status_code == 403
        assert client.get(address(model, "add")).status_code == 403
        assert client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_no_model_of_operations_is_forgotten():
    kept = {model for model in vars(operation_models).values() if hasattr(model, "objects")}
    assert {model for model in kept if site.site.is_registered(model)} == kept


def change(client, row, **given):
    data = {"until_0": "", "until_1": "", "version": "", **given}
    return client.post(address(FailureMute, "change", row.pk), data)


def test_the_end_of_a_mute_is_changed_on_record(client, admin, muted):
    assert change(client, muted, until_0="2040-01-01", until_1="06:00").status_code == 302
    muted.refresh_from_db()
    assert f"{muted.until:%Y-%m-%d %H:%M} {muted.by}" == f"2040-01-01 06:00 {admin}"
    entry = AuditLog.objects.order_by("id").last()
    assert (entry.action, entry.target, entry.user) == ("failure.mute", "task:tests.fail", admin)
    assert entry.after == {"error": "ValueError: on fire", "how": "until 1 Jan 2040, 11:30 IST"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"until_0": "2020-01-01", "until_1": "00:00"}, "until"),
        ({"until_0": "2040-01-01", "until_1": "00:00", "version": "1"}, "version"),
    ],
)
def test_an_end_that_cannot_be_is_refused_at_its_field(client, muted, given, field):
    answer = change(client, muted, **given)
    assert list(answer.context["adminform"].form.errors) == [field]
    muted.refresh_from_db()
    assert muted.until is None


def test_deleting_a_mute_lets_the_group_be_heard_again_on_record(client, admin, muted):
    data = {"action": "delete_selected", "_selected_action": [muted.pk], "post": "yes"}
    client.post(address(FailureMute), data)
    assert not FailureMute.objects.exists()
    assert AuditLog.objects.get(action="failure.unmute").user == admin
