"""The bell, the page of notices, and the report of shipments."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from playwright.sync_api import expect

from ims.notices import services as notices
from ims.notices.models import Notice
from ims.notices.services import News
from masterdata import alerts, demo
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
def told(operations):
    """Five notices: three unread, two read, of several kinds."""
    kinds = ["tracking.expired", alerts.QUIET, "tracking.delivery_failed", "tracking.exception", alerts.QUIET]
    notices.notify_all(
        [operations],
        [
            News(kind, f"Order DM-1000{number}", "FedEx 7712 3345: Damaged, held at the depot", "/shipments/")
            for number, kind in enumerate(kinds)
        ],
    )
    ids = list(Notice.objects.order_by("id").values_list("pk", flat=True))
    notices.mark_read(operations, ids[:2])
    Notice.objects.filter(pk__in=ids[:2]).update(created_at=now() - timedelta(days=2))


@LOOKS
def test_the_notices_are_accessible_and_fit(open_page, operations, told, width, theme):
    notices.mute(operations, "tracking.expired")
    page = open_page(width, theme=theme)
    sign_in(page, operations)
    page.goto("/notices/")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"notices-{width}-{theme}")


@LOOKS
def test_no_notices_is_accessible_too(open_page, operations, width, theme):
    page = open_page(width, theme=theme)
    sign_in(page, operations)
    page.goto("/notices/")
    assert_accessible(page)
    screenshot(page, f"notices-empty-{width}-{theme}")


@LOOKS
def test_the_report_is_accessible_and_fits(open_page, operations, monkeypatch, width, theme):
    monkeypatch.setattr(demo, "ORDERS", 120)
    demo.fill()
    page = open_page(width, theme=theme)
    sign_in(page, operations)
    page.goto("/shipments/report/")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"report-{width}-{theme}")


@pytest.mark.parametrize(("width", "bell"), [(WIDE, "#bell-rail"), (PHONE, "#bell-bar")])
def test_a_new_notice_reaches_the_bell_and_the_open_list_by_itself(open_page, operations, width, bell):
    page = open_page(width)
    sign_in(page, operations)
    page.goto("/notices/")
    expect(page.locator(bell)).to_be_visible()
    expect(page.locator(".ims-bell .n")).to_have_count(0)
    notices.notify([operations], "tracking.exception", "Exception: order A-1", url="/shipments/")
    expect(page.locator(f"{bell} .n")).to_have_text("1", timeout=8000)
    expect(page.get_by_role("link", name="Exception: order A-1")).to_be_visible()
    notices.notify([operations], "tracking.exception", "Exception: order A-2", url="/shipments/")
    expect(page.locator(f"{bell} .n")).to_have_text("2", timeout=8000)
    assert_accessible(page)


def test_a_notice_is_marked_read_and_a_kind_muted(page, operations, told):
    sign_in(page, operations)
    page.goto("/notices/")
    page.get_by_role("button", name="Mark as read: Order DM-10004").click()
    expect(page.locator("#bell-rail .n")).to_have_text("2")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator("#bell-rail .n")).to_have_count(0)
    page.get_by_role("button", name="Mute: Parcel without movement").click()
    expect(page.get_by_role("button", name="Unmute: Parcel without movement")).to_be_visible()
    page.get_by_role("link", name="Order DM-10004").click()
    expect(page).to_have_url("/shipments/")
