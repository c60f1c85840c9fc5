"""A real browser on a real server. Every page that a test opens must keep the content security policy,
throw no error and fail no request: `page` fails the test otherwise.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from ims.accounts.models import User
from tests.browser.faults import REPORT_VIOLATIONS, Faults
from tests.conftest import PASSWORD

ROOT = Path(__file__).resolve().parent.parent.parent
SCREENSHOTS = ROOT / "var" / "screenshots"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
WIDE, PHONE = 1360, 390  # px


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with this folder: Playwright's sync API keeps an event loop running in this thread, beside which
    Django refuses the ORM unless told otherwise, and other folders' tests may want a loop of their own."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail("The browser tests need Debian's chromium: apt-get install chromium")
        pytest.skip("Chromium is not installed, so no page was looked at: apt-get install chromium")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class WatchedPage(Page):
    """Playwright's page, and beside it `faults`. (For type checkers; see the fixture.)"""

    faults: Faults


@pytest.fixture
def open_page(browser: Browser, live_server) -> Iterator[Callable[..., WatchedPage]]:
    """Opens watched pages: `open_page(width=390, theme="dark")`; addresses may start at "/"."""
    pages: list[WatchedPage] = []

    def opened(width: int = WIDE, height: int = 900, theme: str = "light", address: str = "") -> WatchedPage:
        context = browser.new_context(
            base_url=address or live_server.url,
            viewport={"width": width, "height": height},
            color_scheme=theme,
            reduced_motion="reduce",
        )
        context.add_init_script(REPORT_VIOLATIONS)
        page = context.new_page()
        page.faults = Faults(page)
        pages.append(page)
        return page

    yield opened
    faults = [fault for page in pages for fault in page.faults.left()]
    for page in pages:
        page.context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture
def page(open_page: Callable[..., WatchedPage]) -> WatchedPage:
    return open_page()


def sign_in(page: Page, user: User | str, password: str = PASSWORD) -> None:
    """Through the form, as people do."""
    page.goto("/sign-in/")
    page.get_by_label("Username").fill(str(getattr(user, "username", user)))
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


def assert_accessible(page: Page) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def assert_no_sideways_scroll(page: Page) -> None:
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{page.url} is {wider} px wider than the window"


def screenshot(page: Page, name: str) -> None:
    """With SCREENSHOTS=1, for people to look at: the whole page as var/screenshots/NAME.png."""
    if os.environ.get("SCREENSHOTS") == "1":
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
