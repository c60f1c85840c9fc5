"""Cells as values, and how much of them a report repeats."""

import pytest
from django.core.exceptions import ValidationError

from ims.imports.report import shown
from ims.imports.rows import EXCEL_ERRORS, Column, Row, RowError, read_amount, read_row
from licensing.models import ExportItem, ImportItem

MONEY = ExportItem._meta.get_field("cif_fc")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("3.3000000000000003", "3.30"),
        ("0.30000000000000004", "0.30"),
        ("1,250.4999999999998", "1250.50"),
        ("0.00000000000000005551115123125783", "0.00"),
        ("1250.5", "1250.50"),
    ],
)
def test_the_noise_of_binary_fractions_is_taken_away(text, amount):
    assert str(read_amount(text, MONEY)) == amount


@pytest.mark.parametrize("text", ["3.301", "3.3000001", "1" * 61, "9" * 60, "-0.01"])
def test_what_is_more_than_noise_is_refused(text):
    with pytest.raises(ValidationError):
        read_amount(text, MONEY)


@pytest.mark.parametrize("text", sorted(EXCEL_ERRORS))
def test_an_error_of_excel_is_no_value(text):
    columns = {"note": Column(("Note",), read=str)}
    sentence = f"It holds Excel's error {text}: correct the formula."
    assert read_row(2, {"note": text}, columns) == [RowError(2, "Note", sentence)]
    assert read_row(2, {"note": f"no {text}"}, columns) == Row(2, {"note": f"no {text}"})


def test_a_report_repeats_little_of_a_long_cell():
    columns = {"serial": Column(("Serial",), ImportItem, "serial")}
    [error] = read_row(2, {"serial": "1" * 30_000}, columns)
    assert len(error.message) <= 300
    assert len(shown("x" * 30_000)) == 100
