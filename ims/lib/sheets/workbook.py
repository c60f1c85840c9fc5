"""Open the zip of an .xlsx with care: find its first sheet, its texts and which styles are dates."""

import posixpath
import zipfile
from dataclasses import dataclass
from datetime import datetime
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

from ims.lib.sheets.errors import Limits, SheetError

SMALL_PART = 5_000_000  # bytes of the parts that are read as a whole
NO_WORKBOOK = "The file is an archive, not an Excel workbook: upload an .xlsx, .xls or .csv file."
DAMAGED = "The workbook is damaged: open it in Excel, save it again as .xlsx and upload that."


@dataclass(frozen=True)
class Workbook:
    archive: zipfile.ZipFile
    sheet: str  # path of the first sheet's part
    strings: str  # path of the shared strings, or ""
    date_styles: dict[str, str]  # style index → "date" or "duration"
    epoch: datetime


def open_workbook(file: IO[bytes], limits: Limits) -> Workbook:
    archive = zipfile.ZipFile(file)
    check_archive(archive, limits)
    names = {info.filename.lstrip("/").lower(): info.filename for info in archive.infolist()}
    if "xl/workbook.xml" not in names:
        raise SheetError(_foreign(names))
    book = _part(archive, names["xl/workbook.xml"])
    targets = _targets(archive, names)
    strings = names.get(targets.get("sharedStrings", "xl/sharedstrings.xml").lower(), "")
    styles = names.get(targets.get("styles", "xl/styles.xml").lower(), "")
    return Workbook(
        archive=archive,
        sheet=_first_sheet(book, targets, names),
        strings=strings,
        date_styles=_date_styles(_part(archive, styles)) if styles else {},
        epoch=_epoch(book),
    )


def check_archive(archive: zipfile.ZipFile, limits: Limits) -> None:
    """Refuse a zip that would unpack to more than it should, before anything is unpacked."""
    infos = archive.infolist()
    if len(infos) > limits.parts:
        raise SheetError(f"The workbook has {len(infos):,} parts, which no Excel writes: it is refused.")
    if any(info.flag_bits & 1 for info in infos):
        raise SheetError("The file is protected by a password: save it without one and upload it again.")
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
        raise SheetError(DAMAGED)
    swollen = any(
        info.file_size > SMALL_PART and info.file_size > limits.ratio * max(1, info.compress_size)
        for info in infos
    )
    if swollen or sum(info.file_size for info in infos) > limits.unpacked_bytes:
        raise SheetError("The workbook unpacks to far more than its size: remove empty rows or split it.")


def _foreign(names: dict[str, str]) -> str:
    if "xl/workbook.bin" in names:
        return "This is a binary workbook (.xlsb): save it in Excel as .xlsx and upload that."
    if "content.xml" in names:
        return "This is an OpenDocument file: save it as .xlsx and upload that."
    return NO_WORKBOOK


def _part(archive: zipfile.ZipFile, name: str) -> Element:
    if archive.getinfo(name).file_size > SMALL_PART:
        raise SheetError(DAMAGED)
    try:
        return fromstring(archive.read(name), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise SheetError(DAMAGED) from error


def _targets(archive: zipfile.ZipFile, names: dict[str, str]) -> dict[str, str]:
    """Relationship id, and the last word of its type, → path of the part."""
    rels = names.get("xl/_rels/workbook.xml.rels")
    targets: dict[str, str] = {}
    for relation in _part(archive, rels) if rels else ():
        target = relation.get("Target", "")
        path = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
        targets[relation.get("Id", "")] = path
        targets.setdefault(posixpath.basename(relation.get("Type", "")), path)
    return targets


def _first_sheet(book: Element, targets: dict[str, str], names: dict[str, str]) -> str:
    for sheet in book.iterfind("{*}sheets/{*}sheet"):
        ids = [value for key, value in sheet.attrib.items() if key.endswith("}id")]
        path = targets.get(ids[0], "") if ids else ""
        if "chartsheet" not in path and path.lower() in names:
            return names[path.lower()]
    raise SheetError("The workbook has no sheet with cells: put the rows in the first sheet.")


def _epoch(book: Element) -> datetime:
    properties = book.find("{*}workbookPr")
    mac = properties is not None and properties.get("date1904") in ("1", "true")
    return CALENDAR_MAC_1904 if mac else CALENDAR_WINDOWS_1900


def _date_styles(styles: Element) -> dict[str, str]:
    own = {
        item.get("numFmtId", ""): item.get("formatCode", "")
        for item in styles.iterfind("{*}numFmts/{*}numFmt")
    }
    found: dict[str, str] = {}
    for index, style in enumerate(styles.iterfind("{*}cellXfs/{*}xf")):
        number = style.get("numFmtId", "0")
        code = own.get(number) or BUILTIN_FORMATS.get(int(number) if number.isdecimal() else 0, "General")
        if is_timedelta_format(code):
            found[str(index)] = "duration"
        elif is_date_format(code):
            found[str(index)] = "date"
    return found
