"""Licences, bills of entry and allotments as rows of a spreadsheet; the same columns out as in."""

from ims.imports.writing import RowKind
from licensing.sheets.allotment_rows import AllotmentRows
from licensing.sheets.boe_rows import BOERows
from licensing.sheets.licence_rows import LicenceRows

KINDS: dict[str, type[RowKind]] = {kind.name: kind for kind in (LicenceRows, BOERows, AllotmentRows)}

__all__ = ["KINDS"]
