"""What a workbook says of itself: where its first sheet and its texts are, and which styles are dates."""

import posixpath
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

from ims.lib.sheets.archive import open_archive
from ims.lib.sheets.errors import Limits, SheetError
from ims.lib.sheets.parts import elements

LONGEST_FORMAT = 255  # characters, by Excel; openpyxl's look at one takes the square of its length
NO_WORKBOOK = "The file is an archive, not an Excel workbook: upload an .xlsx, .xls or .csv file."


@dataclass(frozen=True)
class Workbook:
    archive: zipfile.ZipFile
    sheet: str  # path of the first sheet's part
    strings: str  # path of the shared strings, or ""
    date_styles: dict[str, str]  # style index → "date" or "duration"
    epoch: datetime


def open_workbook(file: IO[bytes], limits: Limits) -> Workbook:
    archive = open_archive(file, limits)
    names = {info.filename.lstrip("/").lower(): info.filename for info in archive.infolist()}
    if "xl/workbook.xml" not in names:
        raise SheetError(_foreign(names))
    book = elements(archive, names["xl/workbook.xml"], "sheets/sheet", "workbookPr")
    targets = _targets(archive, names)
    strings = names.get(targets.get("sharedStrings", "xl/sharedstrings.xml").lower(), "")
    styles = names.get(targets.get("styles", "xl/styles.xml").lower(), "")
    return Workbook(
        archive=archive,
        sheet=_first_sheet(book["sheets/sheet"], targets, names),
        strings=strings,
        date_styles=_date_styles(archive, styles) if styles else {},
        epoch=_epoch(book["workbookPr"]),
    )


def _foreign(names: Mapping[str, str]) -> str:
    if "xl/workbook.bin" in names:
        return "This is a binary workbook (.xlsb): save it in Excel as .xlsx and upload that."
    if "content.xml" in names:
        return "This is an OpenDocument file: save it as .xlsx and upload that."
    return NO_WORKBOOK


def _targets(archive: zipfile.ZipFile, names: Mapping[str, str]) -> dict[str, str]:
    """Relationship id, and the last word of its type, → path of the part."""
    rels = names.get("xl/_rels/workbook.xml.rels")
    targets: dict[str, str] = {}
    for relation in elements(archive, rels, "Relationship")["Relationship"] if rels else ():
        target = relation.get("Target", "")
        path = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
        targets[relation.get("Id", "")] = path
        targets.setdefault(posixpath.basename(relation.get("Type", "")), path)
    return targets


def _first_sheet(sheets: list[dict[str, str]], targets: Mapping[str, str], names: Mapping[str, str]) -> str:
    for sheet in sheets:
        ids = [value for key, value in sheet.items() if key.endswith(":id")]
        path = targets.get(ids[0], "") if ids else ""
        if "chartsheet" not in path and path.lower() in names:
            return names[path.lower()]
    raise SheetError("The workbook has no sheet with cells: put the rows in the first sheet.")


def _epoch(properties: list[dict[str, str]]) -> datetime:
    mac = any(each.get("date1904") in ("1", "true") for each in properties)
    return CALENDAR_MAC_1904 if mac else CALENDAR_WINDOWS_1900


def _date_styles(archive: zipfile.ZipFile, part: str) -> dict[str, str]:
    found = elements(archive, part, "numFmts/numFmt", "cellXfs/xf")
    codes = {str(number): code for number, code in BUILTIN_FORMATS.items()} | {
        own.get("numFmtId", ""): own["formatCode"][:LONGEST_FORMAT]
        for own in found["numFmts/numFmt"]
        if own.get("formatCode")
    }
    kinds = {number: kind for number, code in codes.items() if (kind := _kind(code))}
    numbers = enumerate(style.get("numFmtId", "0") for style in found["cellXfs/xf"])
    return {str(index): kinds[number] for index, number in numbers if number in kinds}


def _kind(code: str) -> str:
    if is_timedelta_format(code):
        return "duration"
    return "date" if is_date_format(code) else ""
