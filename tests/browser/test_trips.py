"""Trips in a browser: board, live map, shared link, with the demo's transports."""

import pytest
from django.utils.timezone import now
from playwright.sync_api import expect

from ims.accounts import roles
from logistics import demo_trips, tasks, trip_actions
from logistics.trips.gps import NewFix
from logistics.trips.models import Trip
from tests.browser.conftest import (
    PHONE,
    WIDE,
    assert_accessible,
    assert_no_sideways_scroll,
    screenshot,
    sign_in,
)
from tests.conftest import make_user


@pytest.fixture
def person(db):
    user = make_user("demo", roles.DISPATCHER)
    demo_trips.fill(user)
    return user


@pytest.fixture
def moving(person) -> Trip:
    trip = Trip.objects.filter(status="en_route").first()
    trip_actions.ingest(trip, [NewFix(22.3, 73.18, now(), 40, 90)])
    return trip


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])
def test_every_page_is_accessible_and_fits(open_page, person, moving, width, theme):
    tasks.check_trip_timeouts()
    page = open_page(width, theme=theme)
    sign_in(page, person)
    page.goto("/trips/")
    expect(page.locator("#trips tbody tr").first).to_contain_text("No move for 6 h")
    for address in ("/trips/", "/trips/new/", f"/trips/{moving.pk}/"):
        page.goto(address)
        page.wait_for_load_state()
        assert_accessible(page)
        assert_no_sideways_scroll(page)
        screenshot(page, f"{address.strip('/').replace('/', '-')}-{width}-{theme}")
    page.get_by_role("button", name="Another crew").click()
    assert_accessible(page)


def test_a_fix_moves_the_vehicle_and_an_old_one_is_not_shown_as_live(open_page, person, moving):
    """The test's server has no streams, so the page asks for events instead."""
    page = open_page()
    sign_in(page, person)
    page.goto(f"/trips/{moving.pk}/")
    truck, age = page.locator(".ims-truck"), page.locator("[data-show=age]")
    expect(age).to_have_attribute("data-state", "ok")
    before = truck.bounding_box()
    tasks.broadcast_gps_update(moving.pk, 22.305, 73.2, 55.0, 90)
    expect(page.locator("[data-show=speed]")).to_have_text("55 km/h", timeout=10_000)
    assert truck.bounding_box() != before
    page.evaluate("Date.now = ((now) => () => now() + 60000)(Date.now)")
    expect(age).to_have_attribute("data-state", "late", timeout=5000)
    page.evaluate("Date.now = ((now) => () => now() + 600000)(Date.now)")
    expect(age).to_have_attribute("data-state", "failed", timeout=5000)


def test_a_dispatcher_plans_assigns_and_shares_and_the_guest_sees_no_name(open_page, person):
    page, guest = open_page(), open_page(PHONE)
    sign_in(page, person)
    page.goto("/trips/new/")
    page.get_by_label("Patient").select_option(index=1)
    page.get_by_label("pickup place").fill("Secret Home 9")
    page.get_by_label("Destination", exact=True).fill("Secret Hospital")
    page.get_by_role("button", name="Plan it").click()
    page.get_by_role("button", name="Assign").click()
    page.get_by_label("Driver").select_option(index=1)
    page.locator("#crew").get_by_role("button", name="Assign").click()
    expect(page.locator("#trip")).to_contain_text("Assigned")
    page.get_by_role("button", name="Share").click()
    words = page.locator("#toasts").inner_text().split()
    link = next(word for word in words if "/share/" in word)
    guest.goto(link[link.index("/share/") :])
    expect(guest.get_by_role("heading", name="Where it is")).to_be_visible()
    assert_accessible(guest)
    content = guest.content()
    trip = Trip.objects.latest("pk")
    for secret in ("Secret", trip.patient.name, trip.patient.medical_record_number, trip.driver.name):
        assert secret not in content
    trip_actions.cancel(trip, person)
    guest.reload()
    expect(guest.get_by_role("heading")).to_have_text("Nothing to see here any more")


def test_tiles_come_from_the_named_host_alone(client, person, moving, settings):
    client.force_login(person)
    page = f"/trips/{moving.pk}/"
    assert "tile.example.com" not in client.get(page)["Content-Security-Policy"]
    settings.MAP_TILE_URL = "https://{s}.tile.example.com/{z}/{x}/{y}.png"
    assert "img-src 'self' data: https://*.tile.example.com" in client.get(page)["Content-Security-Policy"]
    assert "tile.example.com" not in client.get("/trips/")["Content-Security-Policy"]
