"""What the template tags write."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from ims.web.templatetags import ims as tags


def render(source: str, **context: object) -> str:
    return Template("{% load ims %}" + source).render(Context(context)).strip()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        ("", "—"),
        (0, "0"),
        (1342, "1,342"),
        (Decimal("1234567.50"), "1,234,567.50"),
        (float("nan"), "—"),
        (float("inf"), "—"),
        ("12 min", "12 min"),
    ],
)
def test_a_number_reads(value, text):
    assert render("{{ value|number }}", value=value) == text


def test_a_count_of_zero_is_grey():
    assert render("{{ value|count }}", value=0) == '<span class="zero">0</span>'


def test_a_text_that_was_typed_by_somebody_is_escaped():
    assert render("{{ value|number }}{{ value|count }}", value="<b>") == "&lt;b&gt;&lt;b&gt;"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "now"), (4, "now"), (5, "5 s ago"), (119, "1 min ago"), (7200, "2 h ago"), (86400 * 3, "3 d ago")],
)
def test_time_since_reads(seconds, text):
    assert tags.since_words(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-60, "now"), (0, "now"), (30, "in 30 s"), (720, "in 12 min"), (90000, "in 1 d")]
)
def test_time_until_reads(seconds, text):
    assert tags.until_words(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0:00"), (9, "0:09"), (72, "1:12"), (3723, "1:02:03"), (360000, "100:00:00")]
)
def test_a_clock_reads(seconds, text):
    assert tags.span(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(None, "—"), (0.01, "< 0.1 s"), (0.41, "0.4 s"), (72, "1:12")])
def test_a_duration_reads(seconds, text):
    assert tags.duration(seconds) == text


def test_a_time_carries_its_exact_value_with_the_zone_of_operations(settings):
    settings.OPERATIONS_TIME_ZONE = "Asia/Kolkata"
    when = datetime(2026, 11, 22, 3, 44, 2, tzinfo=UTC)
    assert 'title="22 Nov 2026, 09:14:02 IST"' in render("{% ago when %}", when=when)


def test_a_zone_without_letters_is_named_by_its_offset(settings):
    settings.OPERATIONS_TIME_ZONE = "Asia/Dubai"
    assert tags.exact_words(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2 Jan 2026, 07:04:05 UTC+04"


def test_a_time_long_past_is_a_date():
    html = render("{% ago when %}", when=timezone.now() - timedelta(days=100))
    assert "ago" not in html
    assert "data-tick" not in html


@pytest.mark.parametrize("tag", ["ago", "soon", "elapsed", "left", "exact"])
@pytest.mark.parametrize("source", ["when", "when.attribute_of_nothing"])
def test_a_missing_time_is_a_dash_and_not_a_time(tag, source):
    assert render("{% " + tag + " " + source + " %}", when=None) == "—"


@pytest.mark.parametrize(("text", "is_long"), [("Delivered", False), ("On the way to the pickup", True)])
def test_a_badge_of_many_words_says_that_it_is_long(text, is_long):
    assert ("data-long" in render("{% badge 'running' text %}", text=text)) is is_long


def test_a_progress_is_no_live_region_that_speaks_each_percent():
    html = render('{% include "parts/progress.html" with percent=41 label="prices.xlsx" %}')
    assert "41%</span>" in html
    assert "<output" not in html


def test_pages_of_a_list_keep_the_filters():
    request = RequestFactory().get("/", {"q": "a&b", "page": "2"})
    html = render("{% pager page %}", request=request, page=Paginator(range(1143), 50).page(2))
    assert "51–100 of 1,143" in html
    assert 'href="?q=a%26b&amp;page=1"' in html
    assert 'href="?q=a%26b&amp;page=3"' in html


def test_the_last_page_has_nothing_older():
    request = RequestFactory().get("/")
    html = render("{% pager page %}", request=request, page=Paginator(range(60), 50).page(2))
    assert "Newer" in html
    assert "Older" not in html


def test_an_empty_list_has_no_pager():
    request = RequestFactory().get("/")
    assert render("{% pager page %}", request=request, page=Paginator([], 50).page(1)) == ""


def test_links_to_other_pages_forget_what_a_polling_part_has_seen():
    request = RequestFactory().get("/", {"seen": "abc", "q": "pump"})
    page = Paginator(range(100), 50).page(1)
    assert "?q=pump&amp;page=2" in render("{% pager page %}", request=request, page=page)
