"""'Update now' in a real browser: of all orders with its live progress, and of one."""

import pytest
from playwright.sync_api import expect

from masterdata import tasks
from masterdata.models import GoogleDriveSettings, PackingSlip
from scheduling.testing import drain
from tests.browser.conftest import (
    sign_in,
)
from tests.peers.track123 import Track123Server


@pytest.fixture
def vendor(live_server, settings):
    """Track123, reachable and with our key."""
    with Track123Server() as server:
        settings.TRACK123_BASE_URL = server.url
        GoogleDriveSettings.objects.create(email="shop@example.com", track123_api_key=server.key)
        yield server


def ship(number: str, order_id: str) -> PackingSlip:
    return PackingSlip.objects.create(
        order_id=order_id,
        status="shipped",
        tracking_ids=number,
        tracking_vendor="fedex",
        ship_to="Maya Lindqvist\n14 Elm Street\nAustin, TX 78701",
    )


def test_update_now_moves_the_orders_before_ones_eyes(page, vendor, operations):
    vendor.add("TN1", "DELIVERED")
    vendor.add("TN2", "ABNORMAL")
    ship("TN1", "A-1")
    ship("TN2", "A-2")
    sign_in(page, operations)
    page.goto("/shipments/")
    page.get_by_role("button", name="Update now").click()
    expect(page.get_by_role("heading", name="Update 2 shipments now?")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Update now").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    drain()
    row = page.get_by_role("row").filter(has_text="A-1")
    expect(row.get_by_text("Delivered", exact=True)).to_be_visible(timeout=10_000)
    expect(page.get_by_text("2 numbers asked")).to_be_visible()
    page.get_by_role("link", name="Needs attention").click()
    expect(page.get_by_role("row").filter(has_text="A-2")).to_be_visible()
    expect(row).to_have_count(0)


def test_a_search_narrows_the_list_without_a_reload(page, vendor, operations):
    ship("TN1", "A-1")
    ship("TN2", "A-2")
    sign_in(page, operations)
    page.goto("/shipments/")
    page.get_by_placeholder("Order, recipient or tracking number").fill("tn2")
    expect(page.get_by_role("row").filter(has_text="A-1")).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="A-2")).to_be_visible()
    assert "q=tn2" in page.url


def test_a_search_stays_narrow_while_an_update_runs(page, vendor, operations):
    vendor.add("TN1", "IN_TRANSIT")
    vendor.add("TN2", "IN_TRANSIT")
    ship("TN1", "A-1")
    ship("TN2", "A-2")
    sign_in(page, operations)
    page.goto("/shipments/")
    page.get_by_placeholder("Order, recipient or tracking number").fill("tn2")
    expect(page.get_by_role("row").filter(has_text="A-1")).to_have_count(0)
    tasks.update_all_pending_orders()
    drain()
    expect(page.get_by_role("row").filter(has_text="A-2").get_by_text("In Transit")).to_be_visible(
        timeout=10_000
    )
    expect(page.get_by_role("row").filter(has_text="A-1")).to_have_count(0)


def test_one_order_is_updated_from_its_page(page, vendor, operations):
    vendor.add("TN1", "DELIVERED")
    slip = ship("TN1", "A-1")
    sign_in(page, operations)
    page.goto(slip.get_absolute_url())
    page.get_by_role("button", name="Update now").click()
    expect(page.get_by_text("Now Delivered.")).to_be_visible()
    expect(page.get_by_text("Delivered - left at front door")).to_be_visible()
