"""The pages of shipments, filled with the demo's orders."""

import pytest
from playwright.sync_api import expect

from masterdata import demo
from masterdata.models import PackingSlip, SlipStatus
from tests.browser.conftest import (
    PHONE,
    WIDE,
    assert_accessible,
    assert_no_sideways_scroll,
    screenshot,
    sign_in,
)

LOOKS = pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])


@pytest.fixture
def orders(db, monkeypatch):
    monkeypatch.setattr(demo, "ORDERS", 60)
    demo.fill()


@LOOKS
def test_the_list_and_an_order_are_accessible_and_fit(open_page, operations, orders, width, theme):
    page = open_page(width, theme=theme)
    sign_in(page, operations)
    page.goto("/shipments/")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"shipments-{width}-{theme}")
    delivered = PackingSlip.objects.filter(status=SlipStatus.DELIVERED).first()
    page.goto(f"/shipments/{delivered.pk}/")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"shipment-{width}-{theme}")


def test_a_search_shows_and_says_what_it_finds_and_back_leads_to_the_whole_page(page, operations, orders):
    wanted = PackingSlip.objects.order_by("pk").first()
    sign_in(page, operations)
    page.goto("/shipments/")
    rows = page.locator("#rows tbody tr")
    everything = rows.count()
    page.get_by_role("searchbox").fill(wanted.order_id)
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(wanted.order_id)
    expect(page.get_by_role("status").and_(page.locator("#found"))).to_have_text("1 of 1")
    assert f"q={wanted.order_id}" in page.url
    page.go_back()
    expect(page).to_have_url("/shipments/")
    expect(rows).to_have_count(everything)
    expect(page.get_by_role("heading", level=1)).to_have_text("Shipments")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.go_forward()
    expect(rows).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_have_value(wanted.order_id)


def test_the_menu_of_an_order_opens_below_its_button_and_closes_by_escape(page, operations, orders):
    sign_in(page, operations)
    page.goto(f"/shipments/{PackingSlip.objects.filter(status=SlipStatus.SHIPPED).first().pk}/")
    button = page.get_by_role("button", name="By hand")
    button.click()
    menu = page.locator("[popover]:popover-open")
    expect(menu).to_be_visible()
    assert menu.bounding_box()["y"] >= button.bounding_box()["y"]
    assert_accessible(page)
    screenshot(page, "shipment-menu-1360-light")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
