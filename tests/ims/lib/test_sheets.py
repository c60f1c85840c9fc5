"""Sheets from strangers: every value as text, every hostile or wrong file refused with a sentence."""

import contextlib
import csv
import io
import re
import time
import tracemalloc
import zipfile
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from hypothesis import given, settings
from hypothesis import strategies as st

from ims.lib.sheets import (
    Limits,
    Sheet,
    SheetError,
    find_columns,
    read_rows,
    write_csv,
    write_workbook,
    write_xlsx,
)

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(*rows, formats=None, **options):
    """A real .xlsx made by openpyxl."""
    book = openpyxl.Workbook()
    if options.get("mac"):
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    page = book.active
    for row in rows:
        page.append(row)
    for reference, number_format in (formats or {}).items():
        page[reference].number_format = number_format
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return file


def rezip(file, replace, compression=zipfile.ZIP_DEFLATED):
    """The same archive with some parts replaced: {name: bytes, or a function of the old bytes}."""
    target = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in {*old.namelist(), *replace}:
            content = old.read(name) if name in old.namelist() else b""
            change = replace.get(name, content)
            new.writestr(name, change(content) if callable(change) else change)
    target.seek(0)
    return target


def sheet_xml(body):
    """A workbook whose first sheet has this sheetData."""
    xml = f'<?xml version="1.0"?><worksheet xmlns="{MAIN}">{body}</worksheet>'
    return rezip(workbook(["x"]), {"xl/worksheets/sheet1.xml": xml.encode()})


def with_shared_strings(items):
    """A workbook whose one cell points at the first of these <si>; openpyxl itself writes no such table."""
    file = sheet_xml('<sheetData><row><c t="s"><v>0</v></c></row></sheetData>')
    return rezip(file, {"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{items}</sst>'.encode()})


def read(file, name="prices.xlsx", **limits):
    return list(read_rows(file, name, Limits(**limits)))


def complaint(file, name="prices.xlsx", **limits):
    with pytest.raises(SheetError) as caught:
        read(file, name, **limits)
    assert caught.value.permanent
    return str(caught.value)


# --- every cell is text ------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0012345", "0012345"),
        ("12345678901234567890", "12345678901234567890"),
        (1234, "1234"),
        (1234.0, "1234"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        (1e16, "10000000000000000"),
        (1e-7, "0.0000001"),
        (True, "TRUE"),
        (False, "FALSE"),
        (date(2026, 1, 31), "2026-01-31"),
        (datetime.fromisoformat("2026-01-31T14:30:00"), "2026-01-31T14:30:00"),
        (clock(14, 30), "14:30:00"),
        (timedelta(hours=26, minutes=5), "26:05:00"),
        ("#N/A", "#N/A"),
        ("  padded  ", "  padded  "),
        ("Бренд", "Бренд"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_a_cell_is_read_as_text(value, text):
    assert read(workbook([value, "end"])) == [[text, "end"]]


@pytest.mark.parametrize("number_format", ["0.00", "#,##0", "00000", '"No. "0', "0%"])
def test_display_formats_are_not_applied(number_format):
    assert read(workbook([1234], formats={"A1": number_format})) == [["1234"]]


def test_a_number_that_is_no_day_stays_a_number():
    assert read(workbook([-5], formats={"A1": "yyyy-mm-dd"})) == [["-5"]]


def test_dates_of_a_mac_workbook():
    assert read(workbook([date(2026, 1, 31)], mac=True)) == [["2026-01-31"]]


def test_a_formula_is_its_last_result():
    file = sheet_xml('<sheetData><row r="1"><c r="A1"><f>1+1</f><v>2</v></c></row></sheetData>')
    assert read(file) == [["2"]]


def test_phonetic_hints_are_not_the_text():
    item = "<si><r><t>東</t></r><r><t>京</t></r><rPh sb='0' eb='1'><t>トウ</t></rPh></si>"
    assert read(with_shared_strings(item)) == [["東京"]]


def test_excels_escapes_are_undone():
    file = sheet_xml(
        '<sheetData><row><c t="inlineStr"><is><t>a_x000D_b_x005F_x0041__x0000_</t></is></c></row></sheetData>'
    )
    assert read(file) == [["a\rb_x0041_"]]


def test_empty_rows_between_others_are_kept_and_those_at_the_end_left_out():
    assert read(workbook(["a"], [None], ["b", None, None], [None, ""])) == [["a"], [], ["b"]]


def test_cells_without_references_follow_one_another():
    file = sheet_xml(
        "<sheetData><row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c></row></sheetData>"
    )
    assert read(file) == [["1", "2"], ["3"]]


def test_only_the_first_sheet_is_read():
    file = io.BytesIO()
    write_workbook(file, [Sheet("First", ["a"], []), Sheet("Second", ["b"], [])])
    assert read(file) == [["a"]]


def test_a_path_and_both_kinds_of_upload_are_read(tmp_path):
    content = workbook(["a"]).getvalue()
    path = tmp_path / "prices.xlsx"
    path.write_bytes(content)
    assert list(read_rows(path)) == [["a"]]
    assert read(SimpleUploadedFile("prices.xlsx", content)) == [["a"]]
    with TemporaryUploadedFile("prices.csv", "text/csv", 3, None) as upload:
        upload.write(b"a;b")
        upload.seek(0)
        assert read(upload, "prices.csv") == [["a", "b"]]


SMALL = st.integers(-(10**15), 10**15)
cells = st.one_of(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="￾￿")),
    SMALL,
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.booleans(),
    st.none(),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(cells, min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_is_written_is_read_again(rows):
    file = io.BytesIO()
    write_xlsx(file, ["first"], rows)
    assert read(file)[1:] == expected(rows)


def expected(rows):
    """Rows as our reader promises them."""
    texts = [[as_text(value) for value in row] for row in rows]
    for row in texts:
        while row and not row[-1]:
            row.pop()
        if not any(cell.strip() for cell in row):
            row.clear()
    while texts and not texts[-1]:
        texts.pop()
    return texts


def as_text(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    return str(value)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.text("abc019=_x", min_size=1) | SMALL, min_size=1, max_size=3), max_size=4))
def test_openpyxl_reads_the_same(rows):
    file = io.BytesIO()
    write_xlsx(file, ["first"], rows)
    reference = openpyxl.load_workbook(file, read_only=True).active.iter_rows(min_row=2, values_only=True)
    theirs = [[as_text(value) for value in row if value is not None] for row in reference]
    assert [[str(v) for v in row] for row in rows] == [
        [openpyxl.utils.escape.unescape(t) for t in r] for r in theirs
    ]


# --- hostile workbooks ------------------------------------------------------------


def test_a_zip_bomb_is_refused_before_it_is_unpacked():
    bomb = rezip(workbook(["x"]), {"xl/worksheets/sheet1.xml": b" " * 50_000_000})
    assert len(bomb.getvalue()) < 100_000
    started = time.monotonic()
    assert "unpacks to far more" in complaint(bomb)
    assert time.monotonic() - started < 1


def test_many_large_parts_are_refused():
    parts = {f"xl/media/{n}.bin": b"x" * 100_000 for n in range(20)}
    assert "unpacks to far more" in complaint(rezip(workbook(["x"]), parts), unpacked_bytes=1_000_000)


def test_too_many_parts_are_refused():
    parts = {f"xl/media/{n}.bin": b"" for n in range(50)}
    assert "parts" in complaint(rezip(workbook(["x"]), parts), parts=40)


@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml"]
)
def test_document_types_and_entities_are_refused(part):
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'

    def poison(content):
        return re.sub(rb"(<\?xml.*?\?>)?", lambda match: match[0] + laughs, content, count=1)

    assert complaint(rezip(workbook(["x"]), {part: poison}))


def test_a_document_type_in_utf_16_is_refused():
    xml = f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x []><worksheet xmlns="{MAIN}"/>'.encode(
        "utf-16"
    )
    assert "type definition" in complaint(rezip(workbook(["x"]), {"xl/worksheets/sheet1.xml": xml}))


def test_a_stray_value_in_the_last_corner_is_refused_at_once():
    file = sheet_xml(
        '<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row></sheetData>'
    )
    started = time.monotonic()
    assert "Row 1,048,576 is filled" in complaint(file)
    assert time.monotonic() - started < 1


def test_empty_cells_in_the_last_corner_are_overlooked():
    file = sheet_xml(
        '<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1"><v>1</v></c><c r="XFD1"/></row>'
        '<row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>'
    )
    assert read(file) == [["1"]]


def test_too_many_columns_are_refused():
    assert "columns" in complaint(workbook(range(5)), columns=4)


def test_too_many_rows_are_refused():
    assert "Row 4 is filled" in complaint(workbook(*[["a"]] * 5), rows=3)


def test_a_cell_that_is_too_long_is_refused():
    assert "longer than 10 characters" in complaint(workbook(["x" * 11]), cell_characters=10)


@pytest.mark.parametrize(
    "body",
    [
        '<sheetData><row r="2"/><row r="1"/></sheetData>',
        '<sheetData><row r="99999999999"/></sheetData>',
        '<sheetData><row r="1"><c t="s"><v>99</v></c></row></sheetData>',
        '<sheetData><row r="1"><c t="s"><v>minus one</v></c></row></sheetData>',
        "<sheetData><row>",
        '<sheetData><row junk="' + "x" * 3_000_000 + '"/></sheetData>',
    ],
)
def test_a_damaged_sheet_is_refused(body):
    assert "damaged" in complaint(sheet_xml(body), ratio=10**6)


def test_a_row_of_millions_of_cells_needs_little_memory():
    file = sheet_xml("<sheetData><row>" + "<c><v>1</v></c>" * 300_000 + "</row></sheetData>")
    tracemalloc.start()
    try:
        assert "columns are allowed" in complaint(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_memory_does_not_grow_with_the_rows():
    file = io.BytesIO()
    write_xlsx(file, ["brand", "article"], ([n, n * 7] for n in range(30_000)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_rows(file, "prices.xlsx")) == 30_001
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


def test_too_much_shared_text_is_refused():
    assert "too much text" in complaint(with_shared_strings("<si/>" * 20), shared_strings=10)
    assert "too much text" in complaint(with_shared_strings("<si><t>abc</t></si>" * 20), shared_characters=50)


@pytest.mark.parametrize("cut", [30, 500, -30])
def test_a_workbook_cut_short_is_refused(cut):
    assert complaint(io.BytesIO(workbook(["a"]).getvalue()[:cut]))


@given(st.integers(0, 4000), st.binary(min_size=1, max_size=40))
@settings(deadline=None)
def test_a_workbook_with_bytes_changed_is_read_or_refused(at, noise):
    content = bytearray(GOOD)
    content[at : at + len(noise)] = noise
    with contextlib.suppress(SheetError):
        read(io.BytesIO(bytes(content)))


GOOD = workbook(["Brand", "Article"], ["KIA", 1234], ["BMW", "0001"]).getvalue()


# --- the wrong file ------------------------------------------------------------

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "prices.xlsx", "empty"),
        (OLE + bytes(600), "prices.xlsx", "rename it to .xls"),
        (OLE + bytes(600), "prices.xls", "damaged"),
        (OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "prices.xlsx", "password"),
        (b"a;b\r\n1;2\r\n", "prices.xlsx", "no workbook"),
        (b"<html><table>", "prices.xls", "web page"),
        (b"%PDF-1.7", "prices.csv", "not a spreadsheet"),
        (b"a,b", "prices.exe", ".exe"),
        (GOOD, "prices.csv", "rename it to .xlsx"),
        (b"\x00\x01\x02\x03" * 100, "prices.csv", "not text"),
    ],
)
def test_the_wrong_content_under_the_right_name_is_refused(content, name, words):
    assert words in complaint(io.BytesIO(content), name)


@pytest.mark.parametrize(
    ("part", "words"), [("xl/workbook.bin", "xlsb"), ("content.xml", "OpenDocument"), ("a.txt", "archive")]
)
def test_other_archives_are_named(part, words):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(part, "x")
    assert words in complaint(file)


def test_an_encrypted_zip_is_refused():
    content = bytearray(GOOD)
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    assert "password" in complaint(io.BytesIO(bytes(content)))


def test_a_file_that_is_too_large_is_refused():
    assert "larger than 0.001 MB" in complaint(io.BytesIO(GOOD), file_bytes=1000)


# --- csv ------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_found(encoding, delimiter):
    text = f"Бренд{delimiter}Артикул\r\nВАЗ{delimiter}0012\r\n"
    assert read(io.BytesIO(text.encode(encoding)), "a.csv") == [["Бренд", "Артикул"], ["ВАЗ", "0012"]]


def test_western_letters_are_not_taken_for_russian():
    content = "Marque;Référence\r\nCitroën;0012\r\n".encode("latin-1")
    assert read(io.BytesIO(content), "a.csv")[1] == ["Citroën", "0012"]


def test_a_letter_outside_ascii_may_come_late():
    rows = ["Brand;Article"] + ["KIA;1"] * 40_000 + ["Škoda;2"]
    assert read(io.BytesIO("\n".join(rows).encode()), "a.csv")[-1] == ["Škoda", "2"]


def test_decimal_commas_do_not_win_over_semicolons():
    assert read(io.BytesIO(b"price;quantity\n1,5;2,5\n"), "a.csv") == [["price", "quantity"], ["1,5", "2,5"]]


def test_excels_sep_line_is_obeyed():
    assert read(io.BytesIO(b"sep=;\r\na;b,c\r\n"), "a.csv") == [["a", "b,c"]]


def test_quoted_line_breaks_stay_in_their_cell():
    assert read(io.BytesIO(b'a,"b\nc"\n'), "a.csv") == [["a", "b\nc"]]


def test_line_separators_of_unicode_do_not_end_a_row():
    assert read(io.BytesIO("a\u2028b,c\n".encode()), "a.csv") == [["a\u2028b", "c"]]


def test_an_open_quotation_mark_is_explained():
    assert "quotation mark" in complaint(io.BytesIO(b'a,"' + b"x" * 200_000), "a.csv")


def test_limits_hold_for_csv():
    assert "more than 2 rows" in complaint(io.BytesIO(b"a\nb\nc\n"), "a.csv", rows=2)
    assert "3 columns" in complaint(io.BytesIO(b"a,b,c\n"), "a.csv", columns=2)
    assert "longer than 2" in complaint(io.BytesIO(b"abc\n"), "a.csv", cell_characters=2)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    with contextlib.suppress(SheetError):
        read(io.BytesIO(content), "a.csv")


# --- writing ------------------------------------------------------------

FORMULAS = ["=1+1", "+1+1", "-1+cmd", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil")']


def test_text_never_becomes_a_formula_in_xlsx():
    file = io.BytesIO()
    write_xlsx(file, ["=A1"], [[text] for text in FORMULAS])
    page = openpyxl.load_workbook(file).active
    assert {cell.data_type for row in page.iter_rows() for cell in row} == {"s"}
    assert read(file) == [["=A1"], *([text] for text in FORMULAS)]


def test_text_never_becomes_a_formula_in_csv():
    file = io.StringIO()
    write_csv(file, ["=A1"], [[text] for text in FORMULAS])
    assert all(row[0].startswith("'") for row in csv.reader(io.StringIO(file.getvalue(), newline="")))


@pytest.mark.parametrize("value", [-1, "-1", "+49.5", "-1,5", Decimal("-2.50")])
def test_negative_numbers_stay_numbers_in_csv(value):
    file = io.StringIO()
    write_csv(file, ["n"], [[value]])
    assert next(csv.reader(io.StringIO(file.getvalue().split("\r\n", 1)[1])))[0] == str(value)


def test_numbers_are_numbers_in_xlsx():
    file = io.BytesIO()
    write_xlsx(
        file, ["n"], [[1, 2.5, Decimal("3.25"), date(2026, 1, 31), datetime(2026, 1, 31, 12, tzinfo=UTC)]]
    )
    values = [cell.value for cell in openpyxl.load_workbook(file).active[2]]
    assert values[:3] == [1, 2.5, 3.25]
    assert [value.isoformat() for value in values[3:]] == ["2026-01-31T00:00:00", "2026-01-31T12:00:00"]


def test_a_moment_keeps_its_seconds_in_xlsx():
    file = io.BytesIO()
    write_xlsx(file, ["at"], [[datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)]])
    assert read(file)[1] == ["2026-01-31T23:59:59"]


def test_days_before_excels_calendar_are_text():
    file = io.BytesIO()
    write_xlsx(file, ["day"], [[date(1899, 1, 1)]])
    assert read(file)[1] == ["1899-01-01"]


def test_columns_are_lettered_as_excel_does():
    file = io.BytesIO()
    write_xlsx(file, [], [range(800)])
    assert openpyxl.load_workbook(file).active.cell(2, 800).value == 799


def test_a_title_that_excel_refuses_is_mended():
    file = io.BytesIO()
    write_workbook(
        file, [Sheet('a/b: ["c"] & more than thirty-one letters', ["x"], []), Sheet("", ["y"], [])]
    )
    assert openpyxl.load_workbook(file).sheetnames == ['a b   "c"  & more than thirty-o', "Sheet"]


def test_the_heading_is_bold_and_stays_in_sight():
    file = io.BytesIO()
    write_xlsx(file, ["x"], [[1]])
    page = openpyxl.load_workbook(file).active
    assert page["A1"].font.b
    assert page.freeze_panes == "A2"


def test_rows_are_written_as_they_come():
    tracemalloc.start()
    try:
        write_xlsx(io.BytesIO(), ["brand"], ([f"{n}"] for n in range(30_000)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


def test_characters_that_xml_cannot_hold_are_left_out():
    file = io.BytesIO()
    write_xlsx(file, ["t"], [["a\x00b\x0bc\ud800d\uffffe"], [float("nan")]])
    assert read(file)[1:] == [["abcde"], ["nan"]]


def test_csv_files_begin_with_the_mark_excel_needs(tmp_path):
    write_csv(tmp_path / "a.csv", ["Бренд"], [["ВАЗ"]])
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert list(read_rows(tmp_path / "a.csv")) == [["Бренд"], ["ВАЗ"]]


# --- columns ------------------------------------------------------------

WANTED = {"brand": ["Бренд", "Brand"], "article": ["Артикул", "Article", "SKU"]}


def test_columns_are_found_by_any_of_their_headings():
    assert find_columns(["No.", " sku ", "BRAND"], WANTED) == {"brand": 2, "article": 1}


def test_the_first_of_two_columns_alike_counts():
    assert find_columns(["Brand", "Brand", "SKU"], WANTED)["brand"] == 0


def test_missing_columns_are_listed_with_the_found_ones():
    with pytest.raises(SheetError) as caught:
        find_columns(["Brand", "Price"], WANTED)
    assert str(caught.value).startswith("Column “Артикул” missing; found “Brand”, “Price”. Name the columns")
