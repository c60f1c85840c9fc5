"""A price request in a real browser: dropped, previewed, followed live, cancelled, downloaded, commented."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from crossdock import runs, view
from crossdock.models import CrossDockTask, Offer, Supplier, SupplierGroup
from ims.accounts import roles
from scheduling.testing import drain
from tests.browser.conftest import (
    PHONE,
    WIDE,
    assert_accessible,
    assert_no_sideways_scroll,
    screenshot,
    sign_in,
)
from tests.conftest import make_user
from tests.crossdock.sheets import many_rows, request_file

GROUP = "ОПТ-2"
LOOKS = pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])
DROP = """
(zone, [name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  zone.dispatchEvent(new DragEvent("dragover", { dataTransfer: data, bubbles: true, cancelable: true }));
  zone.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}
"""


@pytest.fixture
def buyer(live_server, settings, tmp_path):
    """A buyer on a site with one supplier who has the first part."""
    settings.MEDIA_ROOT = str(tmp_path)
    supplier = Supplier.objects.create(supid="1", name="Альфа")
    SupplierGroup.objects.create(name=GROUP).suppliers.add(supplier)
    Offer.objects.create(supplier=supplier, brand="Brand0", article="0000000", price="10.50", quantity=5)
    view.refresh()
    return make_user("buyer", roles.BUYER, first_name="Вера")


@pytest.fixture
def steps(monkeypatch) -> Iterator[threading.Semaphore]:
    """A worker prices one batch for each release."""
    allowed = threading.Semaphore(0)

    class Stepping(runs.Reporter):
        def hear(self, counts):
            if counts.stage == "pricing":
                assert allowed.acquire(timeout=60)
            self.looked = -runs.PAUSE
            super().hear(counts)

    monkeypatch.setattr(runs, "Reporter", Stepping)
    yield allowed
    allowed.release(100_000)


@pytest.fixture
def worker(steps) -> Iterator[threading.Thread]:
    """Runs what is queued, step by step."""

    def work() -> None:
        try:
            drain()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    yield thread
    steps.release(100_000)
    if thread.ident:
        thread.join(timeout=30)


def drop(page: Page, rows: int) -> None:
    content = list(request_file(*many_rows(rows)).getvalue())
    page.locator("[data-drop]").evaluate(DROP, ["Запрос.xlsx", content])


@LOOKS
def test_a_file_is_dropped_previewed_asked_and_downloaded(open_page, buyer, width, theme, tmp_path):
    page = open_page(width, theme=theme)
    sign_in(page, buyer)
    page.goto("/cross-dock/tasks/")
    expect(page.get_by_text("No price requests yet")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="New price request").first.click()
    drop(page, 12)
    expect(page.get_by_text("Brands are read from the column “Бренд”")).to_be_visible()
    expect(page.get_by_role("cell", name="0000001")).to_be_visible()
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"cross-dock-upload-{width}-{theme}")
    page.get_by_role("button", name="Find the best prices").click()
    row = page.get_by_role("row").filter(has_text="Запрос.xlsx")
    expect(row.get_by_text("Number 1 in the queue")).to_be_visible()
    drain()
    expect(row.get_by_text("Done")).to_be_visible(timeout=10_000)  # by itself
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"cross-dock-list-{width}-{theme}")
    with page.expect_download() as started:
        row.get_by_role("link", name="Download prices of").click()
    started.value.save_as(tmp_path / "result.xlsx")
    assert load_workbook(tmp_path / "result.xlsx").active["F2"].value == "Альфа"


def test_progress_percent_and_elapsed_time_move_without_a_reload(page, buyer, steps, worker):
    sign_in(page, buyer)
    page.goto("/cross-dock/")
    drop(page, 6_000)
    page.get_by_role("button", name="Find the best prices").click()
    page.evaluate("window.stayed = true")
    worker.start()
    steps.release(2)
    row = page.get_by_role("row").filter(has_text="Запрос.xlsx")
    expect(row.get_by_text("Matching prices")).to_be_visible(timeout=10_000)
    assert_accessible(page)
    percent, elapsed = row.locator(".percent"), row.locator("time[data-tick=elapsed]")
    before, ran = percent.inner_text(), elapsed.inner_text()
    expect(elapsed).not_to_have_text(ran, timeout=5_000)
    steps.release(2)
    expect(percent).not_to_have_text(before, timeout=10_000)
    assert int(percent.inner_text().rstrip("%")) > int(before.rstrip("%"))
    assert page.evaluate("window.stayed")  # no reload
    screenshot(page, "cross-dock-running")
    row.get_by_role("link", name="Запрос.xlsx").click()
    expect(page.get_by_text("Running for")).to_be_visible()
    assert_accessible(page)
    screenshot(page, "cross-dock-running-detail")
    page.go_back()
    row.get_by_role("button", name="Cancel").press("Enter")
    question = page.get_by_role("dialog", name="Cancel “Запрос.xlsx”?")
    steps.release(2)
    with page.expect_response(lambda answer: "seen=" in answer.url and answer.status == 200):
        pass  # the list has moved, and leaves the question alone
    assert_accessible(page)
    question.get_by_role("button", name="Cancel the request").press("Enter")
    expect(row.get_by_text("Cancelled by Вера")).to_be_visible()
    steps.release(100_000)
    worker.join(timeout=30)
    assert CrossDockTask.objects.get().status == "CANCELLED"
    row.get_by_role("button", name="Retry").click()
    expect(row.get_by_text("Number 1 in the queue")).to_be_visible()


def test_a_request_is_followed_to_its_end_on_its_own_page(page, buyer, steps, worker):
    sign_in(page, buyer)
    page.goto("/cross-dock/")
    drop(page, 3_000)
    page.get_by_role("button", name="Find the best prices").click()
    page.get_by_role("link", name="Запрос.xlsx").click()
    page.evaluate("window.stayed = true")
    worker.start()
    steps.release(100_000)
    expect(page.get_by_role("link", name="Download prices")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("button", name="Run again with today's prices")).to_be_visible()
    assert page.evaluate("window.stayed")  # no reload
    assert_accessible(page)


@LOOKS
def test_comments_are_written_edited_and_deleted(open_page, buyer, width, theme):
    task = CrossDockTask.objects.create(filename="Запрос.xlsx", supplier_group=GROUP, user=buyer)
    CrossDockTask.objects.update(status="FAILED", error_message="The disk is full: make room, then retry.")
    page = open_page(width, theme=theme)
    sign_in(page, buyer)
    page.goto(task.get_absolute_url())
    page.get_by_label("Comment", exact=True).fill("Спросить ещё раз")
    page.get_by_role("button", name="Add comment").click()
    expect(page.get_by_text("Спросить ещё раз").first).to_be_visible()
    page.get_by_text("Edit", exact=True).click()
    page.get_by_label("Your comment").fill("Готово")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"cross-dock-detail-{width}-{theme}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Готово").first).to_be_visible()
    page.get_by_text("Edit", exact=True).click()
    page.get_by_role("button", name="Delete comment").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Delete the comment").press("Enter")
    expect(page.get_by_text("Готово")).to_have_count(0)


@LOOKS
def test_one_part_is_looked_up(open_page, buyer, width, theme):
    page = open_page(width, theme=theme)
    sign_in(page, buyer)
    page.goto("/cross-dock/look-up/")
    page.get_by_label("Brand").fill("brand0")
    page.get_by_label("Article").fill("0000000")
    page.get_by_role("button", name="Find the best prices").click()
    expect(page.get_by_role("cell", name="10.50")).to_be_visible()
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"cross-dock-look-up-{width}-{theme}")


@LOOKS
def test_a_price_list_is_brought_in_and_its_errors_are_shown(open_page, buyer, width, theme):
    page = open_page(width, theme=theme)
    sign_in(page, make_user("operator", roles.OPERATOR))
    page.goto("/cross-dock/offers/")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    prices = "Бренд;Артикул;Цена;Количество\nKIA;1;10;5\nKIA;2;дорого;5\n".encode()
    page.get_by_label("Price list", exact=True).set_input_files(
        {"name": "Прайс.csv", "mimeType": "text/csv", "buffer": prices}
    )
    page.locator("#id_supplier").select_option(index=1)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    drain()
    expect(page.get_by_text("Imported.")).to_be_visible(timeout=10_000)  # by itself
    expect(page.get_by_text("is no price")).to_be_visible()
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"cross-dock-offers-{width}-{theme}")
