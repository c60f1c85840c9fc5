"""Who may do something in the admin or the console gets no further by it."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django_q.models import Success

from ims.accounts import roles
from ims.accounts.models import User
from scheduling.models import QueuedJob
from scheduling.testing import drain
from tests.conftest import make_user
from tests.site import tasks

pytestmark = [pytest.mark.django_db, pytest.mark.once]
NEW = "taken-over-by-somebody"


def staff_with(*permissions: str, holding: tuple[str, ...] = ()) -> tuple[User, Client]:
    """Somebody who may enter the admin, for this alone."""
    person = make_user("clerk", *holding, is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)
    return person, browser


@pytest.fixture
def clerk() -> tuple[User, Client]:
    return staff_with("view_user", "change_user", "delete_user", "change_group", "view_group")


def page_of(person: User, more: str = "change/") -> str:
    return f"/admin/accounts/user/{person.pk}/{more}"


def facts_of(person: User, **more: object) -> dict[str, object]:
    moment = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    return {"username": person.username, "email": person.email, "is_active": "on", **moment, **more}


def test_who_may_change_people_does_not_become_a_superuser(clerk) -> None:
    person, browser = clerk
    every = [str(pk) for pk in Permission.objects.values_list("pk", flat=True)]
    form = facts_of(person, is_superuser="on", is_staff="on", user_permissions=every)
    assert browser.post(page_of(person), form).status_code == 302
    person.refresh_from_db()
    assert (person.is_superuser, person.user_permissions.count()) == (False, 5)


def test_who_may_change_people_gives_the_roles_that_they_hold_and_no_others() -> None:
    _, browser = staff_with("view_user", "change_user", holding=(roles.BUYER,))
    other = make_user("other")
    for name, status in ((roles.OPERATOR, 200), (roles.BUYER, 302)):
        group, _ = Group.objects.get_or_create(name=name)
        assert browser.post(page_of(other), facts_of(other, groups=[group.pk])).status_code == status
    assert list(other.groups.values_list("name", flat=True)) == [roles.BUYER]


@pytest.mark.parametrize("kind", ["superuser", "staff", "operator"])
def test_nobody_sets_the_password_of_who_may_more(clerk, kind: str) -> None:
    _, browser = clerk
    facts = {"superuser": {"is_superuser": True}, "staff": {"is_staff": True}}.get(kind, {})
    victim = make_user("victim", *([roles.OPERATOR] if kind == "operator" else []), **facts)
    passwords = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert browser.post(page_of(victim, "password/"), passwords).status_code == 403
    browser.post(page_of(victim), facts_of(victim, email="clerk@example.com"))
    browser.post(page_of(victim, "delete/"), {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [victim.pk], "post": "yes"}
    browser.post("/admin/accounts/user/", chosen)
    victim.refresh_from_db()
    assert (victim.check_password(NEW), victim.email) == (False, "victim@example.com")


def test_who_may_change_groups_gives_them_no_permissions(clerk) -> None:
    _, browser = clerk
    group, _ = Group.objects.get_or_create(name=roles.BUYER)
    form = {"name": group.name, "permissions": [Permission.objects.first().pk]}
    assert browser.post(f"/admin/auth/group/{group.pk}/change/", form).status_code == 403


def test_who_may_look_at_jobs_in_the_admin_does_not_run_them_again() -> None:
    _, browser = staff_with("view_success")
    tasks.leave_effect.enqueue(name="once")
    drain()
    chosen = {
        "action": "resubmit_task",
        "_selected_action": list(Success.objects.values_list("pk", flat=True)),
    }
    browser.post("/admin/django_q/success/", chosen)
    assert not QueuedJob.objects.exists()


def test_an_operator_has_no_file_read_by_its_path(operator, tmp_path) -> None:
    """It would be priced, and its lines shown in the result."""
    browser = Client()
    browser.force_login(operator)
    form = {"file_path": str(tmp_path / "secret.csv"), "supplier_list": "x", "task_id": "x"}
    for address in (
        "/console/tasks/crossdock.process_file_task/",
        "/api/scheduling/tasks/crossdock.process_file_task/enqueue/",
    ):
        assert browser.post(address, form, content_type="application/json").status_code == 404
    assert not QueuedJob.objects.exists()
