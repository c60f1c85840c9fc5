"""When a schedule runs, as the console says it."""

import pytest

from ims.console.cadence_words import cron_words, every


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (1, "every minute"),
        (5, "every 5 minutes"),
        (90, "every 90 minutes"),
        (60, "every hour"),
        (720, "every 12 hours"),
        (1440, "every day"),
        (20_160, "every 14 days"),
    ],
)
def test_an_interval_is_told_in_the_largest_unit_that_comes_out_even(minutes, words):
    assert every(minutes) == words


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("30 2 * * *", "every day at 02:30 (Asia/Kolkata)"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/7 * * * *", "by cron */7 * * * * (Asia/Kolkata)"),  # not even: it starts anew with each hour
        ("0 8 * * 1-5", "by cron 0 8 * * 1-5 (Asia/Kolkata)"),
    ],
)
def test_only_a_cron_that_is_a_plain_time_of_day_or_step_becomes_words(cron, words):
    assert cron_words(cron, "Asia/Kolkata") == words
