"""Another SECRET_KEY: what was signed with the old one holds while that is a fallback, and no longer."""

from datetime import timedelta

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.utils.timezone import now
from django_q.conf import Conf

from logistics.trips import sharing
from logistics.trips.models import Trip
from scheduling.testing import drain
from tests.security.world import NOBODY, World
from tests.site import tasks
from tests.site.models import Effect

pytestmark = pytest.mark.once
NEW = "a-new-key-that-is-long-enough-to-be-accepted-by-everything"


@pytest.mark.parametrize("is_kept", [True, False], ids=["fallback", "no fallback"])
def test_the_old_key_holds_as_long_as_it_is_a_fallback(world: World, settings, monkeypatch, is_kept) -> None:
    browser, person, trip = (
        Client(),
        world.people[NOBODY],
        Trip.objects.get(status="assigned", patient__isnull=False),
    )
    browser.force_login(person)
    reset = default_token_generator.make_token(person)
    address, _ = sharing.link(trip, now(), timedelta(hours=1))
    tasks.leave_effect.enqueue(name="signed by the old key")

    old, settings.SECRET_KEY = settings.SECRET_KEY, NEW
    settings.SECRET_KEY_FALLBACKS = [old] if is_kept else []
    monkeypatch.setattr(Conf, "SECRET_KEY", NEW)  # Django Q2 reads it once, when a process starts

    assert (browser.get("/notices/").status_code == 200) is is_kept
    assert default_token_generator.check_token(person, reset) is is_kept
    shown = Client().get(address.removeprefix(settings.SITE_URL))
    assert (shown.status_code == 200) is is_kept
    drain()
    assert Effect.objects.filter(name="signed by the old key").exists() is is_kept
