"""The console in a browser: accessible, by keyboard alone, live, and usable on a phone."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from scheduling import job, queues, rollups, samples, schedules
from scheduling.operation_models import FailureMute, Incident
from scheduling.testing import drain, enqueued
from tests.browser.conftest import (
    PHONE,
    WIDE,
    assert_accessible,
    assert_no_sideways_scroll,
    screenshot,
    sign_in,
)
from tests.site import tasks

LOOKS = pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])


@pytest.fixture
def busy(db):
    """Something of every kind; the id of a failed job that logged."""
    schedules.sync()
    failed = tasks.speak.enqueue(3, fails=True)
    tasks.fail.enqueue("the vendor is on fire")
    tasks.fail_and_wait.enqueue()
    tasks.leave_effect.enqueue()
    drain()
    for n in range(3):
        tasks.urgent.enqueue(str(n))
    queues.pause("low_priority")
    now = timezone.now()
    rollups.catch_up(now + timedelta(minutes=1))
    samples.take(now)
    Incident.objects.create(key="starved:normal", text="The oldest job of normal waits for 900 s.")
    return failed.id


def tab_to(page, words):
    """On, as a person without a mouse: to what reads so; where one is must be seen."""
    told = "(document.activeElement.ariaLabel || document.activeElement.textContent).trim()"
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate(told) == words:
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    pytest.fail(f"No Tab leads to {words!r} on {page.url}")


def follow(page, words):
    tab_to(page, words)
    with page.expect_navigation():
        page.keyboard.press("Enter")


@LOOKS
def test_every_page_is_accessible_and_fits(open_page, operator, busy, width, theme):
    page = open_page(width, theme=theme)
    sign_in(page, operator)
    paths = {
        "overview": "", "jobs": "jobs/", "job": f"jobs/{busy}/", "failures": "failures/",
        "schedules": "schedules/", "schedule": "schedules/site_every/", "audit": "audit/",
        "no-such-job": "jobs/?q=nothing-like-it", "charts": "charts/", "tasks": "tasks/", "alerts": "alerts/",
        "task": "tasks/tests.only_one/", "bulk": "bulk/?action=retry&state=failed",
        "failed-jobs": "jobs/?state=failed",
    }  # fmt: skip
    for name, path in paths.items():
        page.goto(f"/console/{path}")
        assert_accessible(page)
        assert_no_sideways_scroll(page)
        screenshot(page, f"console-{name}-{width}-{theme}")
    page.goto("/console/schedules/")
    page.get_by_role("button", name="Stop site_every").click()
    expect(page.get_by_role("dialog")).to_contain_text("until somebody starts it again")
    assert_accessible(page)
    screenshot(page, f"console-dialog-{width}-{theme}")


def test_everything_is_done_by_keyboard_alone(page, operator, busy):
    sign_in(page, operator)
    page.goto("/console/")
    tab_to(page, "Pause normal")
    page.keyboard.press("Enter")
    expect(page.get_by_text("normal is paused by operator")).to_be_visible()
    follow(page, "Failures")
    follow(page, "tests.speak")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    follow(page, "tests.speak")
    tab_to(page, "Retry")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Queued for one more attempt.")).to_be_visible()
    assert job(busy).state == "waiting"


def test_what_cannot_be_undone_is_asked_and_answered_by_keyboard(page, operator, busy):
    waiting = tasks.leave_effect.enqueue()
    sign_in(page, operator)
    page.goto(f"/console/jobs/{waiting.id}/")
    tab_to(page, "Cancel")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert waiting.state == "waiting"
    page.keyboard.press("Enter")  # the focus is back where it was
    tab_to(page, "Cancel the job")
    page.wait_for_timeout(2500)  # the page moves on behind the question, which stays
    page.keyboard.press("Enter")
    expect(page.get_by_text("Cancelled; a running job is asked to stop.")).to_be_visible()
    assert waiting.state == "cancelled"
    page.goto("/console/schedules/")
    tab_to(page, "Stop site_every")
    page.keyboard.press("Enter")
    tab_to(page, "Stop the schedule")
    page.keyboard.press("Enter")
    expect(page.get_by_text("site_every is stopped until somebody starts it.")).to_be_visible()
    assert not schedules.status("site_every").active


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


def test_operations_are_done_by_keyboard_alone(page, operator, busy):
    sign_in(page, operator)
    page.goto("/console/")
    tab_to(page, "Quiet for a deploy")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("no other starts until quiet mode ends")
    tab_to(page, "Pause all queues")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing runs any more: deploy now.")).to_be_visible()
    tab_to(page, "End quiet mode")
    page.keyboard.press("Enter")
    expect(page.get_by_text("low_priority is paused by")).to_be_visible()
    follow(page, "Tasks")
    follow(page, "Enqueue tests.only_one")
    tab_to(page, "")  # into the first field
    page.keyboard.type("by hand")
    page.keyboard.press("Tab")
    page.keyboard.type("many")
    tab_to(page, "Enqueue")
    page.faults.allow("status: 400")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Give a whole number, e.g. 12.")).to_be_visible()
    page.get_by_label("size").fill("7")
    tab_to(page, "Enqueue")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Queued: this is its job.")).to_be_visible()
    assert enqueued(tasks.only_one) == [{"key": "by hand", "size": 7}]


def test_failures_are_muted_and_all_of_them_retried_by_mouse(page, operator, busy):
    sign_in(page, operator)
    page.goto("/console/failures/")
    page.get_by_role("button", name="Mute tests.fail").click()
    page.get_by_role("button", name="for a week").locator("visible=true").click()
    expect(page.get_by_text("Muted for a week.")).to_be_visible()
    assert FailureMute.objects.get().func == tasks.fail.path
    page.goto("/console/jobs/?state=failed")
    page.get_by_role("link", name="Retry all").click()
    expect(page.get_by_role("heading", name="Retry 2 jobs?")).to_be_visible()
    page.get_by_role("button", name="Retry them all").click()
    expect(page.get_by_text("Begun: this job does it, and can be cancelled.")).to_be_visible()
    drain(["high_priority"])
    assert job(busy).state == "waiting"
    page.goto("/console/charts/")
    page.get_by_label("Span").select_option("day")
    expect(page).to_have_url(re.compile("span=day"))
    expect(page.get_by_role("img", name=re.compile("2 failed"))).to_be_visible()


def test_the_rest_is_done_by_mouse(page, operator, busy):
    """What the tests above do by keyboard alone, or not at all."""
    sign_in(page, operator)

    def press(address, button, answer):
        if address is not None:
            page.goto(f"/console/{address}")
        page.get_by_role("button", name=button).locator("visible=true").first.click()
        expect(page.get_by_text(answer)).to_be_visible()

    press("", "Resume low_priority", "low_priority is resumed.")
    press(f"jobs/{busy}/", "Retry", "Queued for one more attempt.")
    press(f"jobs/{busy}/", "Run again", "Queued as a new job")
    press("schedules/", "Run site_every now", "Queued: this is its job.")
    press("schedules/site_every/", "Save the interval", "Runs every 10 minutes.")
    press("schedules/site_every/", "Stop", "until somebody starts it again")
    press(None, "Stop the schedule", "site_every is stopped until somebody starts it.")
    press("schedules/site_every/", "Start", "Runs every 10 minutes.")
    page.goto("/console/jobs/?state=waiting&queue=high_priority")
    page.get_by_role("link", name="Cancel all").click()
    press(None, "Cancel them all", "Begun: this job does it, and can be cancelled.")
    drain(["high_priority"])
    page.goto("/console/jobs/?state=succeeded&task=tests.leave_effect")
    page.get_by_role("link", name="Delete all").click()
    press(None, "Delete them all", "Begun: this job does it, and can be cancelled.")
    drain(["high_priority"])
    page.goto("/console/jobs/?task=tests.leave_effect")
    expect(page.get_by_text("No such job")).to_be_visible()


def test_the_rest_is_done_by_keyboard(page, operator, busy):
    sign_in(page, operator)
    page.goto("/console/")
    tab_to(page, "Resume low_priority")
    page.keyboard.press("Enter")
    expect(page.get_by_text("low_priority is resumed.")).to_be_visible()
    page.goto("/console/failures/")
    tab_to(page, "Mute tests.fail")
    page.keyboard.press("Enter")
    tab_to(page, "for a week")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Muted for a week.")).to_be_visible()
    tab_to(page, "Unmute tests.fail")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is heard again.")).to_be_visible()
    assert not FailureMute.objects.exists()
    page.goto("/console/schedules/")
    tab_to(page, "Run site_every now")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Queued: this is its job.")).to_be_visible()
    page.goto("/console/jobs/?state=failed")
    follow(page, "Retry all")
    tab_to(page, "Retry them all")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Begun: this job does it, and can be cancelled.")).to_be_visible()
