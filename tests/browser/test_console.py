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


def test_a_page_that_gets_no_answers_says_so_and_comes_back(page, operator, busy):
    """Whatever the bell is answered; and what a person asked for, and did not get, is said besides."""
    page.faults.allow("status: 500|console: Response Status Error")
    sign_in(page, operator)
    page.goto("/console/jobs/")
    live = page.get_by_role("status").and_(page.locator(".ims-live"))
    expect(live).to_have_text("Live")
    page.route("**/console/jobs/?*", lambda route: route.fulfill(status=500))
    page.evaluate("Date.now = ((now) => () => now() + 11_000)(Date.now)")
    for _ in range(2):
        with page.expect_response("**/notices/bell/*") as answer:
            pass
        assert answer.value.ok
    expect(live).to_have_text("Not live")
    expect(page.locator(".ims-toast")).to_have_count(0)
    page.get_by_label("State").select_option("failed")
    expect(page.locator(".ims-toast")).to_contain_text("That did not work: the server answered 500.")
    page.unroute("**/console/jobs/?*")
    expect(live).to_have_text("Live")


def test_typing_a_search_shows_its_rows_and_keeps_it_in_the_address(page, operator, busy):
    sign_in(page, operator)
    page.goto("/console/jobs/")
    page.get_by_role("searchbox").press_sequentially("on fire")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=on(\+|%20)fire"))


# --- every action, by mouse and by keyboard -----------------------------------------------------------------
class Hands:
    """Presses buttons and links by one of the two."""

    def __init__(self, page, *, keyboard):
        self.page, self.keyboard = page, keyboard

    def press(self, words, answer, at=None):
        """Press what reads so, on the page at this address of the console or on the one that is open."""
        self._go(at)
        if self.keyboard:
            tab_to(self.page, words)
            self.page.keyboard.press("Enter")
        else:
            self._named("button", words).or_(self._named("link", words)).first.click()
        expect(self.page.get_by_text(answer).locator("visible=true").first).to_be_visible()

    def fill(self, label, words):
        field = self.page.get_by_label(label)
        if self.keyboard:
            field.focus()
            self.page.keyboard.press("Control+A")
            self.page.keyboard.type(words)
        else:
            field.fill(words)

    def _go(self, at):
        if at is not None:
            self.page.goto(f"/console/{at}")

    def _named(self, role, words):
        return self.page.get_by_role(role, name=words, exact=True).locator("visible=true")


@pytest.fixture(params=["mouse", "keyboard"])
def hands(request, page, operator, busy):
    sign_in(page, operator)
    return Hands(page, keyboard=request.param == "keyboard")


def test_queues_and_jobs_are_handled(hands, busy):
    hands.press("Pause normal", "normal is paused by operator", at="")
    hands.press("Resume low_priority", "low_priority is resumed.", at="")
    hands.press("Retry", "Queued for one more attempt.", at=f"jobs/{busy}/")
    assert job(busy).state == "waiting"
    hands.press("Run again as a new job", "Queued as a new job", at=f"jobs/{busy}/")
    hands.press("Cancel", "Cancel tests.speak?", at=f"jobs/{busy}/")
    hands.press("Cancel the job", "Cancelled; a running job is asked to stop.")
    assert job(busy).state == "cancelled"


def test_schedules_are_handled(hands):
    hands.press("Run site_every now", "Queued: this is its job.", at="schedules/")
    hands.press("Save the interval", "Runs every 10 minutes.", at="schedules/site_every/")
    hands.fill("Interval", "25")
    hands.press("Save the interval", "Runs every 25 minutes.")
    hands.press("Stop", "until somebody starts it again")
    hands.press("Stop the schedule", "site_every is stopped until somebody starts it.")
    assert not schedules.status("site_every").active
    hands.press("Start", "Runs every 25 minutes.", at="schedules/site_every/")


def test_failures_are_muted_and_many_jobs_handled_at_once(hands, busy):
    hands.press("Mute tests.fail", "for a week", at="failures/")
    hands.press("for a week", "Muted for a week.")
    assert FailureMute.objects.get().func == tasks.fail.path
    hands.press("Unmute tests.fail", "It is heard again.")
    for link, state, question, button in (
        ("Cancel all", "waiting&task=tests.urgent", "Cancel 3 jobs?", "Cancel them all"),
        ("Retry all", "failed", "Retry 2 jobs?", "Retry them all"),
        ("Delete all", "succeeded&task=tests.leave_effect", "Delete 1 job?", "Delete them all"),
    ):
        hands.press(link, question, at=f"jobs/?state={state}")
        hands.press(button, "Begun: this job does it, and can be cancelled.")
        drain(["high_priority"])
    assert job(busy).state == "waiting"
    hands.page.goto("/console/jobs/?task=tests.leave_effect")
    expect(hands.page.get_by_text("No such job")).to_be_visible()


def test_quiet_mode_begins_and_ends_and_a_task_is_enqueued_by_its_form(hands):
    hands.press("Quiet for a deploy", "no other starts until quiet mode ends", at="")
    hands.press("Pause all queues", "Nothing runs any more: deploy now.")
    hands.press("End quiet mode", "low_priority is paused by")
    hands.press("Enqueue tests.only_one", "size", at="tasks/")
    hands.fill("key", "by hand")
    hands.fill("size", "many")
    hands.page.faults.allow("status: 400")
    hands.press("Enqueue", "Give a whole number, e.g. 12.")
    hands.fill("size", "7")
    hands.press("Enqueue", "Queued: this is its job.")
    assert enqueued(tasks.only_one) == [{"key": "by hand", "size": 7}]


def test_a_chart_of_another_span_is_chosen(page, operator, busy):
    sign_in(page, operator)
    page.goto("/console/charts/")
    page.get_by_label("Span").select_option("day")
    expect(page).to_have_url(re.compile("span=day"))
    expect(page.get_by_role("img", name=re.compile("2 failed"))).to_be_visible()
