"""Dispatch in a browser: the board, the driver's phone, the station, all with the demo's firm."""

import pytest
from playwright.sync_api import expect

from ims.accounts import roles
from logistics import actions, demo
from logistics.dispatch.models import StockRequest
from logistics.fleet.models import Driver
from tests.browser.conftest import (
    PHONE,
    WIDE,
    assert_accessible,
    assert_no_sideways_scroll,
    screenshot,
    sign_in,
)
from tests.conftest import make_user
from tests.logistics.trips.watching import Web

PAGES = ("/dispatch/", "/dispatch/shifts/", "/drive/", "/station/", "/messages/")


@pytest.fixture
def person(db, monkeypatch):
    """EIC, driver, operator of a station and of the console, as in the demo."""
    monkeypatch.setattr(demo, "HISTORY_DAYS", 1)
    user = make_user("demo", roles.OPERATOR)
    demo.fill(user)
    return user


@pytest.fixture
def most_urgent(person) -> StockRequest:
    return StockRequest.objects.get(dbs__code="DBS-AND", status="PENDING")


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])
def test_every_page_is_accessible_and_fits(open_page, person, most_urgent, width, theme):
    actions.assign(most_urgent, person.driver.pk, person)
    page = open_page(width, theme=theme)
    sign_in(page, person)
    for address in (*PAGES, f"/dispatch/requests/{most_urgent.pk}/"):
        page.goto(address)
        assert_accessible(page)
        assert_no_sideways_scroll(page)
        screenshot(page, f"{address.strip('/').replace('/', '-')}-{width}-{theme}")


def test_an_eic_assigns_in_two_clicks_and_sees_the_acceptance_without_a_reload(open_page, person):
    board, phone = open_page(), open_page(PHONE)
    sign_in(board, person)
    board.goto("/dispatch/")
    first = board.locator("#board tbody tr").first
    expect(first).to_contain_text("Anand DBS")
    dialog = board.get_by_role("dialog")
    for station in ("Nadiad DBS", "Anand DBS"):  # after another was looked at, it is this one's
        board.get_by_role("button", name=f"Assign {station}").click()
        expect(dialog.get_by_role("heading")).to_contain_text(station)
        assert_accessible(board)
        if station != "Anand DBS":
            dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_contain_text("Trips today")
    board.get_by_role("button", name="Offer Demo").click()
    expect(first).to_contain_text("Offered,")

    sign_in(phone, person)
    phone.goto("/drive/")
    expect(phone.get_by_role("heading", name="A trip for you")).to_be_visible()
    phone.get_by_role("button", name="Accept").click()
    expect(phone.get_by_role("heading", name="Your trip to Anand DBS")).to_be_visible()
    expect(board.locator("#board tbody tr").last).to_contain_text("Assigned", timeout=8000)
    for words in (
        "Start driving",
        "I am at the mother station",
        "Filled, on my way",
        "I have arrived",
        "Delivered",
    ):
        phone.get_by_role("button", name=words).click()
    expect(phone.get_by_role("heading", name="No trip for you now")).to_be_visible()
    expect(board.locator("#board")).not_to_contain_text("Anand DBS", timeout=8000)


def test_an_offer_reaches_an_open_phone_and_its_countdown_runs(open_page, person, most_urgent):
    phone = open_page(PHONE)
    sign_in(phone, person)
    phone.goto("/drive/")
    expect(phone.get_by_role("heading", name="No trip for you now")).to_be_visible()
    actions.assign(most_urgent, Driver.objects.get(user=person).pk, person)
    countdown = phone.locator("time[data-tick=left]")
    expect(countdown).to_be_visible(timeout=8000)
    before = countdown.text_content()
    expect(countdown).not_to_have_text(before, timeout=4000)
    phone.get_by_label("Or decline, with the reason").fill("Flat tyre")
    desk = open_page()
    sign_in(desk, person)
    desk.goto(f"/dispatch/requests/{most_urgent.pk}/")
    expect(desk.get_by_role("button", name="Withdraw the offer")).to_be_visible()
    phone.get_by_role("button", name="Decline").click()
    expect(phone.get_by_text("Declined. The engineer in charge is told.")).to_be_visible()
    expect(desk.locator("#request")).to_contain_text("Rejected: Flat tyre", timeout=8000)
    expect(desk.get_by_role("heading", name="Drivers who can come now")).to_be_visible()


def test_a_driver_asks_for_a_shift_and_an_overlap_is_told_at_its_field(open_page, person):
    phone = open_page(PHONE)
    sign_in(phone, person)
    phone.goto("/drive/")
    phone.get_by_label("Start").fill("2026-12-01T06:00")
    phone.get_by_label("End").fill("2026-12-01T14:00")
    phone.get_by_role("button", name="Ask for this shift").click()
    expect(phone.get_by_text("There is a shift at this time already")).to_be_visible()
    assert_accessible(phone)
    screenshot(phone, "drive-shift-refused")


def test_what_one_person_does_is_on_anothers_board_in_a_second_or_two(open_page, person, most_urgent):
    """On the server of production, whose stream tells the board; by asking it would be up to six seconds."""
    web = Web()
    board, desk = open_page(address=web.address), open_page(address=web.address)
    try:
        sign_in(board, person)
        board.goto("/dispatch/")
        row = board.locator(f"#request-{most_urgent.pk}")
        expect(row).to_contain_text("Pending")
        actions.assign(most_urgent, Driver.objects.get(user=person).pk, person)
        expect(row).to_contain_text("Offered,", timeout=2500)
        sign_in(desk, person)
        desk.goto(f"/dispatch/requests/{most_urgent.pk}/")
        desk.get_by_role("button", name="Withdraw the offer").click()
        desk.get_by_role("dialog").get_by_role("button", name="Withdraw the offer").click()
        expect(row).to_contain_text("Pending", timeout=2500)
    finally:
        for page in (board, desk):
            page.close()
        web.kill()


def test_a_question_stays_open_while_its_page_fetches_itself_anew(open_page, person, most_urgent):
    page = open_page(PHONE)
    sign_in(page, person)
    page.goto("/station/")
    page.get_by_role("button", name="Cancel").click()
    with page.expect_response("**/station/now/"):
        most_urgent.save()
    question = page.get_by_role("dialog")
    expect(question.get_by_role("heading")).to_contain_text("Cancel the request of")
    page.wait_for_timeout(300)  # until the answer is in the page
    assert_accessible(page)
    question.get_by_role("button", name="Cancel the request").click()
    expect(page.get_by_text("Cancelled.", exact=True)).to_be_visible()
