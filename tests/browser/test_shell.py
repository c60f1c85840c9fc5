"""Sign-in, the home page, the shell around all pages, and the pages for errors."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from ims.accounts import roles
from ims.lib.local_time import local
from ims.web import registry
from scheduling.testing import drain
from tests.browser.conftest import (
    PHONE,
    WIDE,
    assert_accessible,
    assert_no_sideways_scroll,
    screenshot,
    sign_in,
)
from tests.conftest import PASSWORD, make_user

ONE_LINE = 28  # px, of a badge
REMEMBER_DRAWN_WORDS = """
window.drawn = [];
const draw = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (words, ...rest) {
  drawn.push(words);
  return draw.call(this, words, ...rest);
};
"""
LOOKS = pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])


# --- Sign-in --------------------------------------------------------------------------------------------


def test_signing_in_leads_to_the_home_page(page, operations):
    sign_in(page, operations)
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")


def test_signing_in_leads_back_to_the_page_that_was_asked_for(page, operations):
    page.goto("/api/docs/")
    page.get_by_label("Username").fill(operations.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url("/api/docs/")


def test_a_wrong_password_is_answered_with_a_sentence(page, operations):
    sign_in(page, operations, password="wrong")
    expect(page.get_by_text("Please enter a correct username and password")).to_be_visible()
    assert_accessible(page)


def test_a_guesser_is_locked_out_and_reads_for_how_long(page, operations, settings):
    settings.AXES_FAILURE_LIMIT = 1
    page.faults.allow(r"status: 429 .*/sign-in/")
    sign_in(page, operations, password="wrong")
    expect(page.get_by_text("Try again in 15 minutes")).to_be_visible()
    assert_accessible(page)
    screenshot(page, "locked-out-1360-light")


def test_signing_out_leads_to_the_sign_in_page(page, operations):
    sign_in(page, operations)
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url("/sign-in/")


@LOOKS
@pytest.mark.parametrize("address", ["/sign-in/", "/password-reset/", "/password-reset/sent/"])
def test_pages_for_strangers_are_accessible(open_page, address, width, theme):
    page = open_page(width, theme=theme)
    page.goto(address)
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"{address.strip('/').replace('/', '-')}-{width}-{theme}")


def test_a_forgotten_password_is_set_anew_by_the_link_in_the_mail(page, operations, mailoutbox):
    page.goto("/sign-in/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email").fill(operations.email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    drain()
    [path] = re.findall(r"/password-reset/\S+", mailoutbox[0].body)
    page.goto(path)
    page.get_by_label("New password", exact=True).fill("another-good-password")
    page.get_by_label("New password confirmation").fill("another-good-password")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your password is set")
    sign_in(page, operations, password="another-good-password")
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")


# --- The home page and the shell --------------------------------------------------------------------------


@pytest.fixture
def systems(monkeypatch):
    """Two systems, one of which has something wrong."""
    badge = registry.Badge(3, "failed", "failed jobs")
    jobs = [
        ("Waiting", 1342),
        ("Running", 7, "run"),
        ("Failed, 24 h", 3, "fail"),
        ("Clusters alive", 2, "ok"),
    ]
    shipments = [("On the way", 214), ("Delivered today", 31, "ok"), ("With a problem", 0)]
    monkeypatch.setattr(registry, "_nav", [*registry._nav])
    monkeypatch.setattr(registry, "_cards", [])
    registry.add_nav(registry.NavItem("Night work", "activity", "api_docs", roles.STAFF, lambda user: badge))
    registry.add_card(registry.HomeCard("Night work", "activity", "home", roles.STAFF, lambda user: jobs))
    registry.add_card(registry.HomeCard("Shipments", "package", "home", roles.STAFF, lambda user: shipments))


@LOOKS
def test_the_home_page_is_accessible_and_fits(open_page, admin, systems, width, theme):
    page = open_page(width, theme=theme)
    sign_in(page, admin)
    expect(page.get_by_role("heading", name="Shipments")).to_be_visible()
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"home-{width}-{theme}")


def test_somebody_without_a_role_reads_what_to_do(page, db):
    sign_in(page, make_user("newcomer"))
    expect(page.get_by_text("Ask an administrator to give you one.")).to_be_visible()
    assert_accessible(page)


def test_the_chosen_theme_stays_after_a_reload(page, operations):
    sign_in(page, operations)
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Switch light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_menu_of_the_phone_opens_and_closes_by_escape(open_page, operations):
    page = open_page(PHONE)
    sign_in(page, operations)
    menu = page.get_by_role("navigation", name="Main")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(menu).to_be_visible()
    assert_accessible(page)
    screenshot(page, "menu-390-light")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.get_by_role("button", name="Menu")).to_be_focused()


def test_the_first_tab_stop_skips_to_the_content(page, operations):
    sign_in(page, operations)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


@pytest.mark.urls("tests.browser.urls")
def test_good_news_goes_by_itself_and_an_error_stays_until_closed(page, operations):
    sign_in(page, operations)
    page.clock.install()
    page.goto("/say/success/")
    good = page.get_by_text("level success")
    good.hover()
    page.clock.fast_forward(7000)
    expect(good).to_be_visible()  # somebody reads it
    page.mouse.move(0, 0)
    page.clock.fast_forward(7000)
    expect(good).to_be_hidden()
    page.goto("/say/error/")
    error = page.get_by_text("level error")
    page.clock.fast_forward(7000)
    expect(error).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(error).to_be_hidden()


# --- What is fetched ------------------------------------------------------------------------------------


@pytest.mark.urls("tests.browser.urls")
def test_a_part_that_is_fetched_anew_leaves_what_was_opened_and_typed(page, operations):
    sign_in(page, operations)
    page.goto("/parts/")
    page.get_by_text("More").click()
    page.get_by_label("Reason").fill("A flat tyre")
    page.get_by_label("Notes").fill("On the ring road")
    look = int(page.get_by_text("Look").inner_text().split()[1])
    page.evaluate("document.body.dispatchEvent(new CustomEvent('ims:tick'))")
    expect(page.get_by_text(f"Look {look}", exact=True)).to_be_hidden()
    expect(page.get_by_role("progressbar")).not_to_have_attribute("value", str(look))
    expect(page.get_by_text("What is below")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("A flat tyre")
    expect(page.get_by_label("Notes")).to_have_value("On the ring road")


@pytest.mark.urls("tests.browser.urls")
def test_what_is_not_fetched_is_said_where_it_is_waited_for(page, operations):
    page.faults.allow("status: 503|console: Response Status Error")
    sign_in(page, operations)
    page.goto("/parts/")
    page.route("**/question/", lambda route: route.fulfill(status=503))
    page.get_by_role("button", name="Ask").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).not_to_contain_text("another one")
    expect(dialog.get_by_role("alert")).to_contain_text(
        "That did not work: the server answered 503. Try again."
    )
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


# --- Components -------------------------------------------------------------------------------------------


@LOOKS
@pytest.mark.urls("tests.browser.urls")
def test_every_component_is_accessible_and_fits(open_page, operations, width, theme):
    page = open_page(width, theme=theme)
    sign_in(page, operations)
    page.goto("/components/")
    expect(page.locator(".uplot")).to_be_visible()
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    assert page.get_by_text("Left out, with an error").bounding_box()["height"] < ONE_LINE
    cut = "headers => headers.filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText)"
    assert page.locator(".card-header").evaluate_all(cut) == []
    screenshot(page, f"components-{width}-{theme}")


@pytest.mark.urls("tests.browser.urls")
def test_a_dialog_opens_with_the_focus_inside_and_closes_by_escape(page, operations):
    sign_in(page, operations)
    page.goto("/components/")
    page.get_by_role("button", name="Cancel the trip").click()
    dialog = page.get_by_role("dialog", name="Cancel trip 4471?")
    expect(dialog).to_be_visible()
    assert_accessible(page)
    screenshot(page, "dialog-1360-light")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.urls("tests.browser.urls")
def test_times_say_the_same_before_and_after_the_script(open_page, operations):
    page = open_page()
    sign_in(page, operations)
    page.route("**/live.js", lambda route: route.fulfill(body=""))
    page.goto("/components/")
    read = (
        "[...document.querySelectorAll('time[data-tick=ago], time[data-tick=soon]')].map(t => t.textContent)"
    )
    from_server = page.evaluate(read)
    assert "1 min ago" in from_server
    page.unroute("**/live.js")
    page.goto("/components/")
    assert page.evaluate(read) == from_server


@pytest.mark.urls("tests.browser.urls")
def test_a_chart_shows_the_clocks_of_operations_wherever_its_reader_is(page, operations, settings):
    settings.OPERATIONS_TIME_ZONE = "Asia/Tokyo"
    page.context.new_cdp_session(page).send("Emulation.setTimezoneOverride", {"timezoneId": "America/Lima"})
    page.add_init_script(REMEMBER_DRAWN_WORDS)
    sign_in(page, operations)
    now = timezone.now()
    page.goto("/components/")
    expect(page.locator(".uplot")).to_be_visible()
    shown = {words[:2] for words in page.evaluate("drawn") if ":" in words}
    hours = {f"{local(now - timedelta(minutes=minutes)):%H}" for minutes in (-1, 0, 61)}
    assert shown
    assert shown <= hours


# --- Errors -----------------------------------------------------------------------------------------------


@LOOKS
@pytest.mark.urls("tests.browser.urls")
def test_an_unknown_address_says_so(open_page, operations, width, theme):
    page = open_page(width, theme=theme)
    page.faults.allow(r"status: 404 .*/nowhere/")
    page.goto("/nowhere/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    screenshot(page, f"404-{width}-{theme}")


@pytest.mark.urls("tests.browser.urls")
def test_a_crash_says_that_it_is_our_fault(page, caplog):
    page.faults.allow(r"status: 500 .*/crash/")
    page.goto("/crash/")
    expect(page.get_by_role("heading", level=1)).to_have_text("That did not work")
    assert_accessible(page)


def test_a_form_without_its_cookie_is_explained(page, operations):
    page.faults.allow(r"status: 403 .*/sign-in/")
    page.goto("/sign-in/")
    page.context.clear_cookies()
    page.get_by_label("Username").fill(operations.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This form cannot be accepted")
    assert_accessible(page)


# --- Pages that others wrote ------------------------------------------------------------------------------


def test_the_api_documentation_works_under_our_policy(page, operations):
    sign_in(page, operations)
    page.goto("/api/docs/")
    expect(page.get_by_role("heading", name="IMS")).to_be_visible()
    page.locator(".opblock-summary", has_text="/login/").get_by_role("button").first.click()
    expect(page.get_by_role("button", name="Try it out")).to_be_visible()
    screenshot(page, "api-docs")


def test_the_admin_works_under_our_policy(page, admin):
    sign_in(page, admin)
    page.get_by_role("link", name="Administration").click()
    page.get_by_role("link", name="Users", exact=True).click()
    expect(page.get_by_role("heading", name="Select user to change")).to_be_visible()
    page.get_by_role("link", name="admin", exact=True).click()
    page.get_by_label("First name").fill("Anita")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    screenshot(page, "admin-users")


def test_the_admins_own_sign_in_works_under_our_policy(page, admin):
    page.goto("/admin/")
    page.get_by_label("Username").fill(admin.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()


@pytest.mark.parametrize("address", ["auth/group/add/", "accounts/user/add/", "django_q/schedule/add/"])
def test_a_form_of_the_admin_works_under_our_policy(page, admin, address):
    sign_in(page, admin)
    page.goto(f"/admin/{address}")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()


def test_the_admins_own_choice_of_theme_does_not_disturb_ours(open_page, operations):
    page = open_page(1360, theme="dark")
    sign_in(page, operations)
    page.evaluate("localStorage.setItem('theme', 'auto')")  # as Django's admin does
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
