"""The console in a browser: accessible, by keyboard alone, live, and usable on a phone."""

import re

import pytest
from playwright.sync_api import expect

from scheduling import job, schedules
from scheduling.models import PausedQueue
from scheduling.testing import drain
from tests.browser.conftest import (
    PHONE,
    WIDE,
    assert_accessible,
    assert_no_sideways_scroll,
    screenshot,
    sign_in,
)
from tests.site import tasks


@pytest.fixture
def busy(db):
    """Something of every kind; the id of a failed job."""
    schedules.sync()
    failed = tasks.fail.enqueue("the vendor is on fire")
    tasks.fail_and_wait.enqueue()
    tasks.leave_effect.enqueue()
    drain()
    for n in range(3):
        tasks.urgent.enqueue(str(n))
    return failed.id


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_every_page_is_accessible_and_fits(open_page, operator, busy, width, theme):
    page = open_page(width, theme=theme)
    sign_in(page, operator)
    paths = {
        "overview": "", "jobs": "jobs/", "job": f"jobs/{busy}/", "failures": "failures/",
        "schedules": "schedules/", "schedule": "schedules/site_every/", "audit": "audit/",
    }  # fmt: skip
    for name, path in paths.items():
        page.goto(f"/console/{path}")
        assert_accessible(page)
        assert_no_sideways_scroll(page)
        screenshot(page, f"console-{name}-{width}-{theme}")


def test_a_queue_is_paused_and_a_job_retried_by_keyboard_alone(page, operator, busy):
    sign_in(page, operator)
    page.goto("/console/")
    page.get_by_role("button", name="Pause normal").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("normal is paused by operator.")).to_be_visible()
    assert PausedQueue.objects.get().name == "normal"
    page.goto(f"/console/jobs/{busy}/")
    page.get_by_role("button", name="Retry", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Queued for one more attempt.")).to_be_visible()
    assert job(busy).state == "waiting"


def test_pages_move_by_themselves(page, operator, busy):
    sign_in(page, operator)
    page.goto("/console/jobs/?state=waiting")
    expect(page.locator("#rows tbody tr")).to_have_count(3)
    tasks.leave_effect.enqueue()
    expect(page.locator("#rows tbody tr")).to_have_count(4, timeout=8000)


def test_typing_a_search_shows_its_rows_and_keeps_it_in_the_address(page, operator, busy):
    sign_in(page, operator)
    page.goto("/console/jobs/")
    page.get_by_role("searchbox").press_sequentially("on fire")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=on(\+|%20)fire"))
