"""The demo's licences: in all states, right to the cent, made once."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ims.accounts import roles
from ims.accounts.models import User
from licensing import demo, queries
from licensing.balances_sql import differences
from licensing.models import License

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _debug(settings) -> Iterator[None]:
    settings.DEBUG = True


def test_there_are_hundreds_in_every_state_and_all_are_right(today):
    call_command("demo_licences", verbosity=0)
    assert License.objects.count() >= 300
    assert all(count for count in queries.figures(today).values())
    assert not differences(list(License.objects.values_list("pk", flat=True)), today)


def test_a_second_run_keeps_what_people_changed(monkeypatch):
    monkeypatch.setattr(demo, "LICENCES", 5)
    assert demo.fill() == 5
    License.objects.update(port="CHANGED")
    assert demo.fill() == 0
    assert set(License.objects.values_list("port", flat=True)) == {"CHANGED"}


def test_the_demos_user_becomes_a_licence_manager(monkeypatch):
    monkeypatch.setattr(demo, "LICENCES", 5)
    user = User.objects.create_user("demo")
    call_command("demo_licences", verbosity=0)
    assert User.objects.get(pk=user.pk).has_role(roles.LICENCE_MANAGER)


def test_in_production_it_is_refused(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG=1 only"):
        call_command("demo_licences")
