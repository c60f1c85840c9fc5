"""What we read from a workbook is what openpyxl reads, over a corpus of variants and producers."""

import contextlib
import io
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from ims.lib.sheets import Limits, SheetError, read_rows
from tests.ims.lib.test_sheets import MAIN, rezip, sheet_xml, workbook

CORPUS = Path(__file__).parent / "corpus"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def by_openpyxl(file) -> list[list[str]]:
    """The oracle: values as openpyxl has them, as text by our rules, without empty ends."""
    file.seek(0)
    page = openpyxl.load_workbook(file, data_only=True).worksheets[0]
    rows = [[text(value) for value in row] for row in page.iter_rows(values_only=True)]
    for row in rows:
        while row and not row[-1]:
            row.pop()
    while rows and not rows[-1]:
        rows.pop()
    return rows


def text(value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return str(value)


def saved(book) -> io.BytesIO:
    file = io.BytesIO()
    book.save(file)
    return file


# --- variants ---------------------------------------------------------------------------------------------
def numbers():
    return workbook([0, -1, 1.0, 0.1, 1 / 3, 1e15, 123456789012345, -0.0001], formats={"B1": "0.00%"})


def dates():
    return workbook(
        [date(2026, 1, 31), datetime(2026, 1, 31, 14, 30), time(14, 30), timedelta(hours=26)],  # noqa: DTZ001
        [45000, 1.5],
        formats={"A2": "dd.mm.yyyy", "B2": "[h]:mm:ss"},
    )


def mac_dates():
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active.append([date(2026, 1, 31), datetime(2026, 1, 31, 23, 59, 59)])  # noqa: DTZ001
    return saved(book)


def booleans_and_errors():
    return workbook([True, False, "#N/A", "#DIV/0!", "#REF!", "TRUE"])


def rich_strings():
    book = openpyxl.Workbook()
    book.active["A1"] = CellRichText("Hyundai", TextBlock(InlineFont(b=True), "/KIA"), " /Mobis")
    return saved(book)


def merged_and_hidden():
    book = openpyxl.Workbook()
    page = book.active
    page.append(["Бренд", "Артикул", "x"])
    page.append(["KIA", "0012", "y"])
    page.append(["ВАЗ", "0013", "z"])
    page.merge_cells("A2:B2")
    page.row_dimensions[3].hidden = True
    page.column_dimensions["C"].hidden = True
    return saved(book)


def several_sheets():
    book = openpyxl.Workbook()
    book.active.append(["first"])
    book.create_sheet("Second").append(["second"])
    book.active = 1  # the sheet that Excel shows is not the first
    return saved(book)


def empty_rows_and_styled_cells():
    book = openpyxl.Workbook()
    page = book.active
    page["B2"] = "alone"
    page["D9"].number_format = "0.00"  # styled, and empty
    return saved(book)


def formulas_without_results():
    return workbook(["=1+1", "text"])


def without_dimension():
    return sheet_xml(
        '<sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="3"><c r="C3" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
    )


def with_a_dimension_that_lies():
    return sheet_xml('<dimension ref="A1"/><sheetData><row r="2"><c r="B2"><v>7</v></c></row></sheetData>')


def shared_strings():
    plain, padded = "<si><t>one</t></si>", "<si><t xml:space='preserve'> two </t></si>"
    items = f"{plain}{padded}<si><r><t>th</t></r><r><t>ree</t></r></si>"
    cells = "".join(f'<c r="{column}1" t="s"><v>{n}</v></c>' for n, column in enumerate("ABC"))
    file = sheet_xml(f'<sheetData><row r="1">{cells}</row></sheetData>')
    strings = f'<sst xmlns="{MAIN}" count="3" uniqueCount="3">{items}</sst>'.encode()
    related = (
        b'<Relationship Id="rId99" Target="sharedStrings.xml" Type="' + OFFICE.encode() + b'/sharedStrings"/>'
    )
    typed = (
        b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-'
        b'officedocument.spreadsheetml.sharedStrings+xml"/>'
    )
    return rezip(
        file,
        {
            "xl/sharedStrings.xml": strings,
            "xl/_rels/workbook.xml.rels": lambda old: old.replace(b"</Rel", related + b"</Rel"),
            "[Content_Types].xml": lambda old: old.replace(b"</Types>", typed + b"</Types>"),
        },
    )


def stored_without_compression():
    return rezip(workbook(["KIA", "0012"]), {}, zipfile.ZIP_STORED)


def wide():
    return workbook([f"c{n}" for n in range(150)])


VARIANTS = [
    numbers,
    dates,
    mac_dates,
    booleans_and_errors,
    rich_strings,
    merged_and_hidden,
    several_sheets,
    empty_rows_and_styled_cells,
    formulas_without_results,
    without_dimension,
    with_a_dimension_that_lies,
    shared_strings,
    stored_without_compression,
    wide,
]


@pytest.mark.parametrize("make", VARIANTS, ids=lambda make: make.__name__)
def test_our_texts_are_those_of_openpyxl(make):
    file = make()
    assert list(read_rows(file, "a.xlsx")) == by_openpyxl(file)


# --- other producers --------------------------------------------------------------------------------------
def test_a_workbook_of_xlsxwriter():
    path = CORPUS / "xlsxwriter.xlsx"
    rows = list(read_rows(path))
    assert rows == by_openpyxl(io.BytesIO(path.read_bytes()))
    assert rows[1] == ["KIA", "0012345", "10.5", "2026-01-31", "TRUE"]
    assert rows[5] == ["Hyundai/KIA/Mobis", "merged", "", "#DIV/0!", "21"]


@pytest.mark.parametrize("name", ["xlwt.xls", "xlwt-1904.xls"])
def test_an_old_workbook_has_the_same_texts(name):
    rows = list(read_rows(CORPUS / name))
    assert rows[:5] == list(read_rows(CORPUS / "xlsxwriter.xlsx"))[:5]
    assert rows[5] == ["", "merged", "", "#DIV/0!"]


def test_prefixed_names_and_absolute_targets_as_some_exports_have_them():
    file = rezip(
        workbook(["x"]),
        {
            "xl/worksheets/sheet1.xml": (
                f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row r="1"><x:c r="A1" t="inlineStr"><x:is>'
                "<x:t>0012</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>"
            ).encode(),
            "xl/_rels/workbook.xml.rels": lambda old: old.replace(b'"worksheets/', b'"/xl/worksheets/'),
        },
    )
    assert list(read_rows(file, "a.xlsx")) == by_openpyxl(file) == [["0012"]]


# --- .xls ---------------------------------------------------------------------------------------------------
def old(**limits: int) -> list[list[str]]:
    return list(read_rows(CORPUS / "xlwt.xls", limits=Limits(**limits)))


def test_limits_hold_for_xls():
    for words, limits in (
        ("rows are allowed", {"rows": 3}),
        ("columns are allowed", {"columns": 3}),
        ("longer than 5", {"cell_characters": 5}),
    ):
        with pytest.raises(SheetError, match=words):
            old(**limits)


@pytest.mark.parametrize("cut", [600, 2_000, 4_000])
def test_an_old_workbook_cut_short_is_refused(cut):
    content = (CORPUS / "xlwt.xls").read_bytes()[:cut]
    with pytest.raises(SheetError, match="damaged"):
        list(read_rows(io.BytesIO(content), "a.xls"))


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv"])
def test_an_old_workbook_under_another_name_is_refused(name):
    with pytest.raises(SheetError, match=r"rename it to \.xls"):
        read_rows(io.BytesIO((CORPUS / "xlwt.xls").read_bytes()), name)


def test_bytes_of_an_old_workbook_may_be_anything():
    good = (CORPUS / "xlwt.xls").read_bytes()
    for at in range(0, len(good), 797):  # each is a process
        noise = bytearray(good)
        noise[at : at + 4] = b"\xff\xff\xff\x7f"
        with contextlib.suppress(SheetError):
            list(read_rows(io.BytesIO(bytes(noise)), "a.xls"))


# --- progress -----------------------------------------------------------------------------------------------
def table(rows: int) -> io.BytesIO:
    return io.BytesIO("".join(f"KIA;{n}\n" for n in range(rows)).encode())


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: workbook(*([n, n] for n in range(5_000))), "a.xlsx"),
        (lambda: table(5_000), "a.csv"),
        (lambda: io.BytesIO((CORPUS / "xlwt.xls").read_bytes()), "a.xls"),
    ],
    ids=["xlsx", "csv", "xls"],
)
def test_progress_grows_from_little_to_all(make, name):
    told: list[tuple[int, int]] = []
    rows = read_rows(make(), name, tell=lambda done, total: told.append((done, total)))
    assert sum(1 for _ in rows) > 0
    done = [each for each, _ in told]
    assert done == sorted(done)
    assert told[-1][0] == told[-1][1] > 0
    assert len({total for _, total in told}) == 1


def test_an_error_of_the_listener_is_not_taken_for_damage():
    def fail(done: int, total: int) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        list(read_rows(workbook(["x"]), "a.xlsx", tell=fail))
