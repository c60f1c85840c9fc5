"""Small files made to freeze, fill or fail a process: each is refused with a sentence, or is harmless."""

import errno
import io
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from ims.lib.sheets import SheetError, find_columns, read_csv, read_rows, read_xls, xls_process
from tests.ims.lib.test_sheets import GOOD, MAIN, complaint, read, rezip, sheet_xml, workbook

OLD = Path(__file__).parent / "corpus" / "xlwt.xls"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@contextmanager
def little_memory():
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


# --- the XML of a workbook ----------------------------------------------------------------------------------
def test_no_more_of_a_format_is_looked_at_than_excel_allows():
    assert read(workbook([45000], formats={"A1": "0" * 250 + "yyyy"})) == [["2023-03-15"]]
    assert read(workbook([45000], formats={"A1": "0" * 255 + "yyyy"})) == [["45000"]]


def test_a_format_of_brackets_alone_freezes_nothing():
    poison = rezip(
        workbook([1], formats={"A1": "[x"}),
        {"xl/styles.xml": lambda old: old.replace(b'"[x"', b'"' + b"[" * 500_000 + b'"')},
    )
    assert read(poison) == [["1"]]


@pytest.mark.parametrize(
    "body",
    [
        f'<sheetData><row r="{"9" * 5000}"/></sheetData>',
        f'<sheetData><row r="1"><c t="s"><v>{"9" * 5000}</v></c></row></sheetData>',
    ],
    ids=["row", "shared string"],
)
def test_numbers_of_thousands_of_digits_are_damage(body):
    assert "damaged" in complaint(sheet_xml(body))


def test_a_format_whose_number_has_thousands_of_digits_is_none():
    cell_formats = f'<cellXfs><xf numFmtId="{"9" * 5000}"/></cellXfs>'
    styles = f'<styleSheet xmlns="{MAIN}">{cell_formats}</styleSheet>'.encode()
    assert read(rezip(workbook([7]), {"xl/styles.xml": styles})) == [["7"]]


@pytest.mark.parametrize("encoding", ["shift_jis", "foo", "idna"])
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_an_encoding_that_cannot_be_read_is_damage(part, encoding):
    content = f'<?xml version="1.0" encoding="{encoding}"?><x/>'.encode()
    assert "damaged" in complaint(rezip(workbook(["x"]), {part: content}))


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"])
def test_elements_that_stand_in_one_another_without_end_are_damage(part):
    nested = b"<a>" * 100_000 + b"</a>" * 100_000

    def poison(content):
        at = content.rindex(b"</")
        return content[:at] + nested + content[at:]

    assert "damaged" in complaint(rezip(workbook(["x"]), {part: poison}))


def test_elements_that_nobody_asked_for_take_no_memory():
    def poison(content):
        at = content.rindex(b"</")
        return content[:at] + b"<a/>" * 60_000 + content[at:]

    file = rezip(workbook(["x"]), {"xl/workbook.xml": poison, "xl/styles.xml": poison})
    with little_memory():
        assert read(file) == [["x"]]


def test_more_formats_of_cells_than_excel_has_are_damage():
    styles = f'<styleSheet xmlns="{MAIN}"><cellXfs>{"<xf/>" * 100_001}</cellXfs></styleSheet>'.encode()
    assert "damaged" in complaint(rezip(workbook(["x"]), {"xl/styles.xml": styles}))


def test_empty_rows_between_two_others_take_no_memory():
    file = sheet_xml(
        '<sheetData><row r="1"><c><v>1</v></c></row><row r="200000"><c><v>2</v></c></row></sheetData>'
    )
    with little_memory():
        assert sum(1 for _ in read_rows(file, "a.xlsx")) == 200_000


# --- the zip of a workbook ----------------------------------------------------------------------------------
ENTRY, END = GOOD.index(b"PK\x01\x02"), GOOD.rindex(b"PK\x05\x06")
SHEET = "xl/worksheets/sheet1.xml"


def test_a_name_that_is_not_the_utf_8_it_says_is_damage():
    content = bytearray(GOOD)
    content[ENTRY + 9] |= 0x08
    content[ENTRY + 46] = 0xFF
    assert "damaged" in complaint(io.BytesIO(bytes(content)))


def test_a_sheet_that_begins_before_the_file_is_damage(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as good, zipfile.ZipFile(file, "w") as poison:
        for name in sorted(good.namelist(), key=lambda name: name != SHEET):
            poison.writestr(name, good.read(name))
        for info in poison.infolist()[1:]:
            info.header_offset += 1000  # all places are told too large, but that of the sheet
    content = bytearray(file.getvalue())
    (offset,) = struct.unpack("<L", content[-6:-2])
    content[-6:-2] = struct.pack("<L", offset + 1000)
    path = tmp_path / "prices.xlsx"
    path.write_bytes(content)
    assert "damaged" in complaint(io.BytesIO(bytes(content)))
    assert "damaged" in complaint(path)


def with_zip64(size: int | None = None, offset: int | None = None) -> io.BytesIO:
    """The same workbook with the two records that some programs always write."""
    count, own_size, own_offset = struct.unpack("<H2L", GOOD[END + 10 : END + 20])
    wide = struct.pack(
        "<4sQ2H2L4Q",
        b"PK\x06\x06",
        44,
        45,
        45,
        0,
        0,
        count,
        count,
        own_size if size is None else size,
        own_offset if offset is None else offset,
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, END, 1)
    return io.BytesIO(GOOD[:END] + wide + locator + GOOD[END:])


def test_a_small_workbook_with_records_of_zip64_is_read():
    assert read(with_zip64()) == read(io.BytesIO(GOOD))


def test_a_place_that_no_file_can_have_is_damage():
    assert "damaged" in complaint(with_zip64(offset=2**64 - 1))


def test_a_huge_list_of_parts_is_refused_before_it_is_taken_in():
    file = io.BytesIO(GOOD)
    with zipfile.ZipFile(file, "a") as archive:
        for number in range(20):
            info = zipfile.ZipInfo(f"{number}.xml")
            info.comment = bytes(60_000)
            archive.writestr(info, b"")
    assert "list of parts" in complaint(file)
    assert "list of parts" in complaint(with_zip64(size=2_000_000))


class FailingStorage(io.BytesIO):
    """A file on a disk that goes away after so many reads."""

    def __init__(self, content: bytes, reads: int) -> None:
        super().__init__(content)
        self.reads = reads

    def read(self, size: int | None = -1) -> bytes:
        self.reads -= 1
        if self.reads < 0:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def test_a_disk_that_fails_is_not_told_as_damage():
    enough = FailingStorage(GOOD, 1_000)
    read(enough)
    for reads in (1, 1_000 - enough.reads - 1):  # at the end of the zip, at the last row
        with pytest.raises(OSError, match="Input/output"):
            read(FailingStorage(GOOD, reads))


# --- csv ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("cell", [",", '"a\n",'])
def test_a_row_of_endless_cells_is_refused_before_it_is_built(cell):
    file = io.BytesIO(b"brand,article\n" + cell.encode() * (1_200_000 // len(cell)))
    assert complaint(file, "a.csv").startswith("Row 2 is longer than 1,000,000 characters")


def test_lines_without_end_are_refused_though_they_are_empty(monkeypatch):
    monkeypatch.setattr(read_csv, "MAX_LINES", 10)
    assert read(io.BytesIO(b"a\n" + b"\n" * 9), "a.csv") == [["a"]]
    assert "more than 10 lines" in complaint(io.BytesIO(b"a\n" + b"\n" * 10), "a.csv")


def test_quotation_marks_dashes_and_the_euro_of_a_western_excel_are_read():
    content = "Marque;Prix\r\nCitroën – d’occasion;“5 €”\r\n".encode("cp1252")
    assert read(io.BytesIO(content), "a.csv")[1] == ["Citroën – d’occasion", "“5 €”"]


# --- headings -----------------------------------------------------------------------------------------------
def test_of_many_long_headings_some_are_told_shortened():
    with pytest.raises(SheetError) as caught:
        find_columns(["x" * 30_000] * 200, {"brand": ["Brand"]})
    assert "and 180 more" in str(caught.value)
    assert len(str(caught.value)) < 1_200


# --- .xls ---------------------------------------------------------------------------------------------------
def endless() -> io.BytesIO:
    """The sectors of its only stream follow one another in a circle, on which xlrd walks for ever."""

    def entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
        text = name.encode("utf-16-le") + bytes(2)
        return struct.pack("<64sHBBiii36xii4x", text, len(text), kind, 1, -1, -1, child, first, size)

    tables = struct.pack("<8i", 1, 1, 0, 4096, 2, 1, -2, 0)
    header = OLE + bytes(16) + struct.pack("<HHHHH10x", 0x3E, 3, 0xFFFE, 9, 6) + tables
    header += struct.pack("<109i", 0, *[-1] * 108)
    sectors = struct.pack("<128i", -3, -2, -2, -2, *[-1] * 124)
    directory = entry("Root Entry", 5, 1, 3, 64) + entry("Workbook", 2, -1, 0, 100) + bytes(256)
    small_sectors = struct.pack("<128i", 0, *[-1] * 127)
    return io.BytesIO(header + sectors + directory + small_sectors + bytes(512))


def test_an_old_workbook_on_which_xlrd_turns_for_ever_is_refused(monkeypatch):
    monkeypatch.setattr(read_xls, "MOST_TIME", 0.3)
    assert "too much memory or time" in complaint(endless(), "a.xls")


def test_an_old_workbook_that_takes_ever_more_memory_is_refused(monkeypatch):
    monkeypatch.setattr(read_xls, "MOST_MEMORY", 40_000_000)
    assert "too much memory or time" in complaint(endless(), "a.xls")


def test_a_full_disk_is_not_told_as_damage_of_an_old_workbook():
    command = [sys.executable, "-I", xls_process.__file__, "400000000", "60"]
    with OLD.open("rb") as source, open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdin=source, stdout=full, check=False)
    assert done.returncode == xls_process.DISK_FULL
