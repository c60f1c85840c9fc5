"""Roles are groups; a user may hold several, a superuser holds all."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group

from ims.accounts import roles
from ims.accounts.models import User
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


def test_every_role_is_a_group_after_migrate() -> None:
    import_module("ims.accounts.migrations.0002_roles").make_groups(apps, None)
    assert set(roles.ALL) <= set(Group.objects.values_list("name", flat=True))


def test_a_user_holds_the_roles_of_their_groups() -> None:
    user = make_user("asha", roles.BUYER, roles.EIC)
    assert user.roles == {roles.BUYER, roles.EIC}


def test_one_of_several_roles_is_enough(reader) -> None:
    assert reader.has_role(roles.OPERATIONS, roles.READ_ONLY)


def test_another_role_is_not_enough(stranger) -> None:
    assert not stranger.has_role(*roles.STAFF)


def test_a_superuser_holds_every_role(admin) -> None:
    assert all(admin.has_role(role) for role in roles.ALL)


def test_a_disabled_superuser_holds_none(admin) -> None:
    admin.is_active = False
    assert not any(admin.has_role(role) for role in roles.ALL)


def test_a_user_without_a_name_is_shown_by_their_username() -> None:
    assert User(username="asha").display_name == "asha"


def test_the_admin_lists_people_with_their_roles(
    client, admin, operations, django_assert_max_num_queries
) -> None:
    client.force_login(admin)
    with django_assert_max_num_queries(9):
        page = client.get("/admin/accounts/user/").content.decode()
    assert "operations" in page


def test_the_admin_can_make_a_user(client, admin) -> None:
    client.force_login(admin)
    form = {"username": "new", "password1": PASSPHRASE, "password2": PASSPHRASE, "usable_password": "true"}
    client.post("/admin/accounts/user/add/", form)
    assert User.objects.get(username="new").check_password(PASSPHRASE)


PASSPHRASE = "correct-horse-battery"
