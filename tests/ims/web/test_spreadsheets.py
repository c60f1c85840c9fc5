"""Files to download: large ones are the asker's error, and lie on the disk meanwhile."""

import sys
from contextlib import closing

import pytest
from django.core.exceptions import BadRequest

from ims.web import spreadsheets


def test_more_rows_than_a_sheet_holds_are_the_askers_error(monkeypatch):
    monkeypatch.setattr(sys.modules["ims.lib.sheets.write_xlsx"], "MAX_ROWS", 3)
    with pytest.raises(BadRequest, match="4 rows do not fit into one sheet"):
        spreadsheets.xlsx("a.xlsx", ["A"], [[1], [2], [3]], title="A")


def test_a_csv_has_the_mark_and_every_row(db):  # closing an answer looks after open connections
    with closing(spreadsheets.csv("a.csv", ["A"], ([number] for number in range(3)))) as answer:
        content = answer.getvalue()
    assert content == b"\xef\xbb\xbfA\r\n0\r\n1\r\n2\r\n"
