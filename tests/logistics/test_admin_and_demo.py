"""Dispatch in Django's admin, and the demo that keeps itself alive."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count
from django.utils.timezone import now

from ims.accounts import roles
from logistics import demo, demo_driving, demo_invoices, demo_life, demo_trips, models, tasks
from logistics.dispatch.models import OPEN, StockRequest
from logistics.fleet.models import Station, StationStaff
from logistics.trips.distance import haversine_km
from tests.conftest import make_user
from tests.logistics.conftest import phone_of, wish

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, admin):
    client.force_login(admin)
    return client


INLINE = {"StationStaff", "Offer", "Tariff", "CompanyMember", "Payment", "InvoiceMail"}  # seen within others
UNSEEN = {"InvoiceCounter"}
LIVE = {"GpsPoint", "TripEvent", "TripFeed", "TripProof"}  # seen on the trip's page


@pytest.mark.parametrize("model", sorted(set(models.__all__) - INLINE - LIVE - UNSEEN))
def test_every_table_can_be_looked_at(page, model, offered, driver, eic, dbs):
    offered(driver)
    phone_of(eic)
    name = model.lower()
    assert page.get(f"/admin/logistics/{name}/").status_code == 200
    row = getattr(models, model).objects.first()
    if row is not None:
        assert page.get(f"/admin/logistics/{name}/{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("model", ["stockrequest", "vehicletoken", "notification", "devicetoken"])
def test_what_services_keep_in_step_is_not_made_by_hand(page, model):
    assert page.get(f"/admin/logistics/{model}/add/").status_code == 403


def test_a_trip_that_a_crew_has_is_not_deleted_under_it(page, driver):
    trip = models.Trip.objects.create(
        status="en_route", en_route_at=now(), driver=driver, vehicle=driver.assigned_vehicle
    )
    chosen = {"action": "delete_selected", "_selected_action": [trip.pk], "post": "yes"}
    assert page.post(f"/admin/logistics/trip/{trip.pk}/delete/", {"post": "yes"}).status_code == 403
    assert page.post("/admin/logistics/trip/", chosen).status_code in (200, 403)
    assert models.Trip.objects.filter(pk=trip.pk).exists()
    models.Trip.objects.update(status="cancelled")
    assert page.post("/admin/logistics/trip/", chosen).status_code == 302
    assert not models.Trip.objects.exists()


def test_a_devices_token_is_not_shown(page, eic):
    device = phone_of(eic, "a-long-secret-token")
    assert (
        "a-long-secret" not in page.get(f"/admin/logistics/devicetoken/{device.pk}/change/").content.decode()
    )


def test_a_post_given_in_the_admin_gives_the_role(page, ms):
    user = make_user("new")
    body = {
        "type": "MS", "code": ms.code, "name": ms.name, "lat": "22.31", "lng": "73.18",
        "capacity_kg": "0", "current_stock_kg": "0", "sale_rate_kg_per_hour": "0", "lead_time_minutes": "0",
        "staff-TOTAL_FORMS": "1", "staff-INITIAL_FORMS": "0", "staff-0-user": user.pk, "staff-0-role": "eic",
    }  # fmt: skip
    assert page.post(f"/admin/logistics/station/{ms.pk}/change/", body).status_code == 302
    assert StationStaff.objects.get().user == user
    assert type(user).objects.get(pk=user.pk).has_role(roles.EIC)


def test_shifts_are_approved_in_the_admin(page, driver):
    waiting = wish(driver)
    page.post("/admin/logistics/shift/", {"action": "approve", "_selected_action": [waiting.pk]})
    waiting.refresh_from_db()
    assert waiting.status == "APPROVED"


def shift_form(driver, **changes: object) -> dict[str, object]:
    return {
        "driver": driver.pk, "vehicle": driver.assigned_vehicle.pk, "status": "APPROVED",
        "start_0": "2026-12-01", "start_1": "06:00", "end_0": "2026-12-01", "end_1": "14:00", **changes,
    }  # fmt: skip


def test_an_overlapping_shift_is_refused_in_the_admin(page, driver):
    address = "/admin/logistics/shift/add/"
    assert page.post(address, shift_form(driver)).status_code == 302
    again = page.post(address, shift_form(driver, start_1="13:00", end_1="15:00"))
    assert "There is a shift at this time already" in again.content.decode()
    made = driver.shifts.get(start__year=2026, start__month=12)
    kept = page.post(f"/admin/logistics/shift/{made.pk}/change/", shift_form(driver, end_1="15:00"))
    assert kept.status_code == 302  # not in its own way


# --- The demo -------------------------------------------------------------------------------------------


@pytest.fixture
def firm(operations, monkeypatch) -> None:
    monkeypatch.setattr(demo, "HISTORY_DAYS", 1)
    demo.fill(operations)


def test_the_demo_is_made_once(firm, operations):
    assert not demo.fill(operations)
    assert Station.objects.count() == len(demo.MOTHERS) + len(demo.DAUGHTERS)
    assert operations.has_role(roles.EIC)
    assert operations.has_role(roles.DRIVER)


def test_the_demo_is_for_development_alone():
    with pytest.raises(CommandError, match="DEBUG=1 only"):
        call_command("demo_dispatch")


def test_the_demo_lives_by_itself(firm):
    delivered = StockRequest.objects.filter(status="COMPLETED")
    before = delivered.count()
    for minute in range(20):
        demo_life.live(minutes=30)
        if minute % 5 == 4:
            let_silent_offers_expire()
        if delivered.count() > before:
            break
    assert delivered.count() > before
    assert delivered.exclude(trip__status="completed").count() == 0
    assert StockRequest.objects.filter(status__in=OPEN).count() <= len(demo.DAUGHTERS)


def let_silent_offers_expire() -> None:
    """As if their time had passed."""
    StockRequest.objects.filter(status="ASSIGNING").update(assignment_started_at=now() - timedelta(hours=1))
    tasks.check_expired_driver_assignments()


def test_the_demo_has_an_invoice_in_every_state_once(operations):
    demo_trips.fill(operations)
    assert demo_invoices.fill(operations)
    assert not demo_invoices.fill(operations)
    assert set(models.Invoice.objects.values_list("status", flat=True)) == {
        "pending",
        "paid",
        "overdue",
        "void",
    }
    assert models.Invoice.objects.filter(status="overdue", paid__gt=0).exists()
    assert models.Invoice.objects.get(replaces__isnull=False).replaces.status == "void"
    assert operations.groups.filter(name=roles.ACCOUNTANT).exists()


# --- The demo's transports ------------------------------------------------------------------------------


def test_the_demos_vehicles_drive_arrive_and_begin_anew(operations):
    assert demo_trips.fill(operations)
    assert not demo_trips.fill(operations)
    moment, ended = now(), models.Trip.objects.filter(status="completed")
    for _ in range(60):
        moment += timedelta(seconds=20)
        before = dict(models.Trip.objects.values_list("pk", "status"))
        demo_driving.drive(moment)
        after = dict(models.Trip.objects.values_list("pk", "status"))
        moved = [pk for pk, status in after.items() if before.get(pk) != status]
        models.Trip.objects.filter(pk__in=moved).update(status_changed_at=moment)  # not by the real clock
        if ended.count() > 2:
            break
    assert ended.count() > 2
    assert models.GpsPoint.objects.count() > 20
    longest = ended.annotate(fixes=Count("points")).latest("fixes")
    track = models.GpsPoint.objects.filter(trip=longest).order_by("recorded_at")
    places = [(float(point.lat), float(point.lng)) for point in track if point.speed]
    jumps = [haversine_km(*pair) for pair in pairwise(places)]
    assert max(jumps) < 3
