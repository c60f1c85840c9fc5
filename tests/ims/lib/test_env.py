"""A wrong value in the environment stops the start with a message that names it."""

from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from ims.lib import env


@pytest.mark.parametrize(
    ("value", "meaning"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("", False)]
)
def test_a_flag_is_read(monkeypatch, value, meaning) -> None:
    monkeypatch.setenv("HTTPS", value)
    assert env.flag("HTTPS", default=not meaning) is meaning


def test_a_flag_that_is_not_set_has_its_default() -> None:
    assert env.flag("A_VARIABLE_NOBODY_SETS", default=True) is True


def test_a_list_is_cut_at_commas(monkeypatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", " a.example.com, ,b.example.com ")
    assert env.names("ALLOWED_HOSTS") == ["a.example.com", "b.example.com"]


def test_a_number_that_is_empty_has_its_default(monkeypatch) -> None:
    monkeypatch.setenv("Q_WORKERS", "")
    assert env.number("Q_WORKERS", 4) == 4


def test_a_price_is_read_exactly(monkeypatch) -> None:
    monkeypatch.setenv("INVOICE_PRICE_PER_KM", "2.10")
    assert env.exact("INVOICE_PRICE_PER_KM", "2.50", places=4) == Decimal("2.10")


def test_lines_are_cut_at_bars(monkeypatch) -> None:
    monkeypatch.setenv("INVOICE_BANK", "Bank: X| |Account: 1, 2")
    assert env.lines("INVOICE_BANK") == ["Bank: X", "Account: 1, 2"]


@pytest.mark.parametrize(
    ("read", "value", "cure"),
    [
        (lambda: env.exact("X", "1", places=2), "2.505", "X=2.505: give at most 2 decimal places."),
        (lambda: env.exact("X", "1", places=2), "-1", "X='-1': give 0 or more."),
        (lambda: env.exact("X", "1", places=2), "much", "X='much': give a number."),
        (lambda: env.flag("X"), "maybe", "X='maybe': give 1 or 0."),
        (lambda: env.number("X", 4), "four", "X='four': give a whole number."),
        (lambda: env.number("X", 4), "1.5", "X='1.5': give a whole number."),
        (lambda: env.number("X", 4, minimum=1), "0", "X='0': give 1 or more."),
        (lambda: env.decimal("X", 4.0), "nan", "X='nan': give a number."),
        (lambda: env.decimal("X", 4.0), "inf", "X='inf': give a number."),
        (
            lambda: env.zone("X", "UTC"),
            "Kolkata",
            "X='Kolkata': give the name of a time zone, e.g. Asia/Kolkata.",
        ),
        (lambda: env.zone("X", "UTC"), "../etc/passwd", "give the name of a time zone"),
    ],
)
def test_a_wrong_value_is_named_with_its_cure(monkeypatch, read, value, cure) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured) as error:
        read()
    assert cure in str(error.value)


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        "mysql://u:secret@h/name",
        "postgres://u:secret@h:port/name",
        "sqlite://",
        "sqlite://:memory:",
    ],
)
def test_a_wrong_database_is_named_without_its_password(monkeypatch, value) -> None:
    monkeypatch.setenv("DATABASE_URL", value)
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL: give sqlite:///path") as refusal:
        env.database("DATABASE_URL", "sqlite:///file")
    assert "secret" not in str(refusal.value)
