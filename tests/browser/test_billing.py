"""Invoices in a browser, with the demo's: an accountant takes a payment and replaces one; all of it fits."""

import pytest
from playwright.sync_api import expect

from ims.accounts import roles
from logistics import demo_invoices, demo_trips, tasks
from logistics.billing.models import Invoice
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


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])
def test_an_accountant_finds_collects_and_replaces(open_page, db, width, theme):
    person = make_user("demo", roles.DISPATCHER)
    demo_trips.fill(person)
    demo_invoices.fill(person)
    part = Invoice.objects.get(status="overdue", paid__gt=0)
    unknown = Invoice.objects.get(mails__letter__state="unsure")
    page = open_page(width, theme=theme)
    sign_in(page, person)

    trip = Trip.objects.filter(status="en_route").first()
    page.goto(f"/trips/{trip.pk}/")
    expect(page.get_by_text("it would come to this")).to_be_visible()
    for address in ("/invoices/", unknown.get_absolute_url(), part.get_absolute_url()):
        page.goto(address)
        page.wait_for_load_state()
        assert_accessible(page)
        assert_no_sideways_scroll(page)
        screenshot(page, f"{address.strip('/').replace('/', '-')}-{width}-{theme}")

    page.get_by_role("button", name="Record a payment").click()
    assert_accessible(page)
    page.get_by_label("Amount").first.fill("6.78")
    page.get_by_role("button", name="Record it").click()
    expect(page.locator("#toasts")).to_contain_text("100.00 USD are still due")
    page.get_by_role("button", name="Take back the payment of 6.78").click()
    page.get_by_role("button", name="Take it back").last.click()
    expect(page.locator("#toasts")).to_contain_text("stays on record")

    page.goto("/invoices/")
    page.get_by_role("searchbox").fill(unknown.invoice_number)
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    page.locator("#rows tbody a").click()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Void and reissue").click()
    page.locator("#reissue").get_by_label("Reason").fill("The odometer was misread")
    page.locator("#reissue").get_by_label("Distance, km").fill("12.5")
    page.get_by_role("button", name="Issue the new one").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{unknown.invoice_number[:9]}000012")
    expect(page.locator("#toasts")).to_contain_text(f"replaces {unknown}")
    assert tasks.generate_invoice(unknown.trip_id) == Invoice.objects.latest("pk").pk
