"""Licences, bills of entry and allotments as rows of a spreadsheet; the same columns out as in."""

from licensing.sheets.allotment_rows import AllotmentRows
from licensing.sheets.boe_rows import BOERows
from licensing.sheets.licence_rows import LicenceRows
from licensing.sheets.reading import Column, Report, Row, RowError, RowKind, read

KINDS: dict[str, type[RowKind]] = {kind.name: kind for kind in (LicenceRows, BOERows, AllotmentRows)}

__all__ = ["KINDS", "Column", "Report", "Row", "RowError", "RowKind", "read"]
