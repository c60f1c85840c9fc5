"""The pages of licences, filled with the demo's."""

from io import BytesIO

import pytest
from playwright.sync_api import expect

from licensing import demo, importing
from licensing.models import Allotment, License
from scheduling.testing import drain
from tests.browser.conftest import (
    PHONE,
    WIDE,
    assert_accessible,
    assert_no_sideways_scroll,
    screenshot,
    sign_in,
)
from tests.licensing.conftest import manager

__all__ = ["manager"]
LOOKS = pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])


@pytest.fixture
def licences(db, monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr(demo, "LICENCES", 60)
    demo.fill()


def tried_import(manager):
    """A spreadsheet with a new licence and a row that is wrong."""
    file = BytesIO(b"Licence number,Line,Serial,Quantity\nNEW-1,import,1,500\nNEW-1,import,2,many\n")
    return importing.receive(file, "licences.csv", "licences", manager)


@LOOKS
def test_every_page_is_accessible_and_fits(open_page, manager, licences, width, theme):
    page = open_page(width, theme=theme)
    sign_in(page, manager)
    used = License.objects.filter(import_items__boe_rows__isnull=False).first()
    item = used.import_items.first()
    addresses = {
        "list": "/licences/",
        "licence": used.get_absolute_url(),
        "cover": "/licences/cover/?hs_code=1701&quantity=100000&unit_value=0.55",
        "new-allotment": f"/licences/allotments/new/?item={item.pk}",
        "new-bill": f"/licences/bills/new/?item={item.pk}",
        "allotments": "/licences/allotments/",
        "allotment": Allotment.objects.filter(bills_of_entry=None).first().get_absolute_url(),
        "bill": item.boe_rows.first().bill_of_entry.get_absolute_url(),
        "quality": "/licences/quality/",
        "sync": "/licences/sync/",
        "import": "/licences/import/",
        "preview": tried_import(manager).get_absolute_url(),
    }
    for name, address in addresses.items():
        page.goto(address)
        assert_accessible(page)
        assert_no_sideways_scroll(page)
        screenshot(page, f"licensing-{name}-{width}-{theme}")


def test_from_the_question_to_the_booked_bill(page, manager, licences):
    """Find cover, reserve it, book the bill of entry: each by its button."""
    sign_in(page, manager)
    page.goto("/licences/")
    page.get_by_role("link", name="Find cover").click()
    page.get_by_label("HS code").fill("1701")
    page.get_by_label("Quantity").fill("1000")
    page.get_by_label("Value of one unit, USD").fill("0.55")
    page.get_by_role("button", name="Find licences").click()
    expect(page.get_by_text("1,000 kg of HS code 1701 are covered")).to_be_visible()
    page.get_by_role("button", name="Allot these quantities").click()
    page.get_by_label("Company").fill("Sweet Imports")
    page.get_by_role("button", name="Reserve").click()
    expect(page.get_by_text("Reserved.")).to_be_visible()
    page.get_by_label("BOE number").fill("4711")
    page.get_by_label("BOE date").fill("2026-11-01")
    page.get_by_role("button", name="Book the bill of entry").click()
    expect(page.get_by_role("heading", name="Bill of entry 4711")).to_be_visible()
    assert Allotment.objects.filter(company="Sweet Imports", bills_of_entry__number="4711").count() == 1


def test_a_sync_moves_before_the_eyes(page, manager, licences):
    License.objects.filter(pk=License.objects.order_by("pk").first().pk).update(
        balance_cif=1, overdrawn_cif=0
    )
    sign_in(page, manager)
    page.goto("/licences/sync/")
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    drain()
    expect(page.get_by_text("Licences changed")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("60", exact=True)).to_be_visible()


def test_searching_shows_its_rows_and_keeps_the_filter_in_the_address(page, manager, licences):
    wanted = License.objects.order_by("pk").first()
    sign_in(page, manager)
    page.goto("/licences/")
    page.get_by_role("searchbox").press_sequentially(wanted.license_number)
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    assert f"q={wanted.license_number}" in page.url
