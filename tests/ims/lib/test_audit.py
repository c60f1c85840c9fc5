"""The audit log keeps who did what."""

import pytest
from django.contrib.auth.models import AnonymousUser

from ims.lib import audit
from ims.lib.models import AuditLog

pytestmark = pytest.mark.django_db


def test_an_action_is_kept_with_who_and_what(operator) -> None:
    audit.record(
        "schedule.stop", "schedule:digest", operator, before={"active": True}, after={"active": False}
    )
    entry = AuditLog.objects.get()
    assert (entry.user, entry.action, entry.target) == (operator, "schedule.stop", "schedule:digest")
    assert (entry.before, entry.after) == ({"active": True}, {"active": False})


@pytest.mark.parametrize("user", [None, AnonymousUser()])
def test_an_action_of_the_command_line_has_no_user(user) -> None:
    assert audit.record("schedule.stop", "schedule:digest", user).user is None


def test_an_entry_outlives_its_user(operator) -> None:
    audit.record("schedule.stop", "schedule:digest", operator)
    operator.delete()
    assert AuditLog.objects.get().user is None


def test_the_admin_shows_the_log(client, admin) -> None:
    audit.record("schedule.stop", "schedule:digest", admin)
    client.force_login(admin)
    assert "schedule:digest" in client.get("/admin/ims_lib/auditlog/").content.decode()


def test_the_admin_lets_nobody_change_the_log(client, admin) -> None:
    entry = audit.record("schedule.stop", "schedule:digest", admin)
    client.force_login(admin)
    change = client.post(f"/admin/ims_lib/auditlog/{entry.pk}/change/", {"action": "nothing"})
    delete = client.post(f"/admin/ims_lib/auditlog/{entry.pk}/delete/", {"post": "yes"})
    assert (change.status_code, delete.status_code) == (403, 403)
