"""Changing many shipments and importing a spreadsheet, as a person does it."""

import pytest
from playwright.sync_api import expect

from masterdata.models import PackingSlip
from tests.browser.conftest import (
    PHONE,
    WIDE,
    assert_accessible,
    assert_no_sideways_scroll,
    screenshot,
    sign_in,
)

LOOKS = pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])
IS_FETCHED = """() => {
    document.body.dispatchEvent(new CustomEvent("shipments:changed"));
    return Boolean(document.querySelector("#page.htmx-request"));
}"""  # whether the rows are, when an update has changed something
SHEET = """Order ID,Ship to,Tracking numbers,Tracking vendor,Quantity,Status
A-1,Ann,TN1,fedex,1,shipped
,Bob,TN2,ups,x,shipped
A-3,Eve,TN3,usps,2,shipped
"""


@pytest.fixture
def orders(live_server):
    slips = [
        PackingSlip(
            order_id=f"A-{number}", status="shipped", tracking_ids=f"TN{number}", tracking_vendor="ups"
        )
        for number in range(1, 4)
    ]
    return PackingSlip.objects.bulk_create(slips)


@LOOKS
def test_ticked_shipments_are_changed_after_a_question_that_names_their_number(
    open_page, operations, orders, width, theme
):
    page = open_page(width, theme=theme)
    sign_in(page, operations)
    page.goto("/shipments/")
    page.get_by_label("Choose order A-1").check()
    page.get_by_label("Choose order A-2").check()
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    page.get_by_label("What to do with them").select_option("delivered")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mark as delivered: 2 shipments?")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"bulk-{width}-{theme}")
    page.get_by_role("button", name="Mark as delivered (2)").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shipments")
    assert PackingSlip.objects.filter(status="delivered").count() == 2


def test_nothing_is_fetched_under_ticks_while_an_update_changes_others(page, operations, orders):
    sign_in(page, operations)
    page.goto("/shipments/")
    PackingSlip.objects.filter(order_id="A-2").update(ship_to="Somebody else")
    for label in ("Choose order A-1", "all 3 that match"):
        page.get_by_label(label).check()
        assert not page.evaluate(IS_FETCHED)
        page.get_by_label(label).uncheck()
    assert page.evaluate(IS_FETCHED)
    expect(page.get_by_text("Somebody else")).to_be_visible()


@LOOKS
def test_a_spreadsheet_shows_what_it_would_do_before_it_does_it(
    open_page, operations, live_server, width, theme
):
    page = open_page(width, theme=theme)
    sign_in(page, operations)
    page.goto("/shipments/import/")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    file = {"name": "orders.csv", "mimeType": "text/csv", "buffer": SHEET.encode()}
    page.locator("input[type=file]").set_input_files([file])
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("It is empty: fill it in.")).to_be_visible()
    assert not PackingSlip.objects.exists()
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"import-{width}-{theme}")
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_text("Imported.")).to_be_visible()
    assert set(PackingSlip.objects.values_list("order_id", flat=True)) == {"A-1", "A-3"}
