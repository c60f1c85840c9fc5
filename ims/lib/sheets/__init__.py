"""Spreadsheets from strangers in, spreadsheets for people out.

Reading takes every cell as text, streams, and refuses what is hostile or wrong with a sentence for the
person who uploaded it. Writing never lets text become a formula.
"""

from ims.lib.sheets.columns import find_columns
from ims.lib.sheets.errors import Limits, SheetError
from ims.lib.sheets.read import read_rows
from ims.lib.sheets.write_csv import without_apostrophe, write_csv
from ims.lib.sheets.write_xlsx import Sheet, write_workbook, write_xlsx

__all__ = [
    "Limits",
    "Sheet",
    "SheetError",
    "find_columns",
    "read_rows",
    "without_apostrophe",
    "write_csv",
    "write_workbook",
    "write_xlsx",
]
