"""start_tracking_scheduler and demo."""

import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils.timezone import now

from ims.accounts.models import User
from masterdata import demo, queries, slips
from masterdata.models import GoogleDriveSettings, PackingSlip, Parcel
from masterdata.tracking_service import SCHEDULE
from scheduling import schedules

pytestmark = pytest.mark.django_db


def say(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


# --- start_tracking_scheduler -------------------------------------------------------------------------------
def test_it_starts_the_schedule_every_twelve_hours():
    assert "every 720 minutes (12 hours)" in say("start_tracking_scheduler")
    assert schedules.status(SCHEDULE).active


def test_on_a_running_schedule_the_same_interval_says_so():
    say("start_tracking_scheduler", "--interval", "60")
    assert "already running" in say("start_tracking_scheduler", "--interval", "60")
    assert "already running" in say("start_tracking_scheduler")
    assert schedules.status(SCHEDULE).interval_minutes == 60


def test_on_a_running_schedule_another_interval_takes_effect():
    say("start_tracking_scheduler")
    assert "every 60 minutes (1 hour)" in say("start_tracking_scheduler", "--interval", "60")
    assert schedules.status(SCHEDULE).interval_minutes == 60


def test_force_makes_it_due_now():
    say("start_tracking_scheduler")
    say("start_tracking_scheduler", "--interval", "90")
    assert schedules.status(SCHEDULE).next_run > now() + timedelta(minutes=80)
    assert "due now" in say("start_tracking_scheduler", "--interval", "90", "--force")
    assert schedules.status(SCHEDULE).next_run <= now()


@pytest.mark.parametrize("interval", ["0", "-1", "32768"])
def test_a_bad_interval_is_named(interval):
    with pytest.raises(CommandError, match="--interval: give a whole number of minutes from 1 to 32767"):
        say("start_tracking_scheduler", f"--interval={interval}")


# --- demo ---------------------------------------------------------------------------------------------------
@pytest.fixture
def debug(settings) -> None:
    settings.DEBUG = True


def test_the_demo_refuses_to_run_where_debug_is_off():
    with pytest.raises(CommandError, match="DEBUG=1 only"):
        say("demo")
    assert not User.objects.filter(username="demo").exists()


def test_the_demo_is_a_believable_firm_made_quickly(debug):
    started = time.process_time()
    say("demo")
    assert time.process_time() - started < 5
    figures = queries.figures()
    assert all(count >= 5 for count in figures.values()), figures
    assert set(PackingSlip.objects.values_list("status", flat=True)) >= {"new_order", "shipped", "delivered"}
    fresh = Parcel.objects.filter(registered_at=None)
    assert fresh.count() == demo.FRESH
    assert schedules.status(SCHEDULE).interval_minutes == 1


def test_the_demo_user_signs_in_and_works(debug, client):
    say("demo")
    assert (
        client.post("/sign-in/", {"username": "demo", "password": "parcels-on-the-move"}).status_code == 302
    )
    user = User.objects.get(username="demo")
    assert (user.is_staff, user.is_superuser, sorted(user.roles)) == (True, False, ["operations", "operator"])


def test_the_password_of_the_demo_comes_from_the_environment(debug, monkeypatch):
    monkeypatch.setenv("DEMO_PASSWORD", "another-password-1")
    say("demo")
    assert User.objects.get(username="demo").check_password("another-password-1")


def test_a_second_demo_keeps_what_people_changed(debug):
    say("demo")
    GoogleDriveSettings.objects.update(track123_api_key="mine")
    first = PackingSlip.objects.order_by("id").first()
    PackingSlip.objects.filter(pk=first.pk).update(ship_to="Me")
    schedules.start(SCHEDULE, 45)
    count = PackingSlip.objects.count()
    say("demo")
    first.refresh_from_db()
    assert (PackingSlip.objects.count(), first.ship_to) == (count, "Me")
    assert GoogleDriveSettings.objects.get().track123_api_key == "mine"
    assert schedules.status(SCHEDULE).interval_minutes == 45


def test_the_demo_stays_alive_and_bounded(debug, shipped, monkeypatch):
    monkeypatch.setattr(demo, "MOST_ORDERS", 5)
    own = shipped(order_id="mine")
    for _ in range(3):
        assert len(demo.ship_orders()) == 3
    assert PackingSlip.objects.filter(order_id__startswith=demo.PREFIX).count() == 5
    assert PackingSlip.objects.filter(pk=own.pk).exists()
    assert slips.due().count() == 6
