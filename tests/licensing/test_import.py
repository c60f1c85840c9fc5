"""Licences, bills of entry and allotments from spreadsheets and into them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.apps import apps
from django.db import connection
from django.urls import reverse
from django.utils.timezone import now
from openpyxl import load_workbook

from ims.imports import writing
from ims.imports.writing import go_through
from ims.lib.sheets import write_xlsx
from licensing import allotting, demo, entering, importing
from licensing.models import Allotment, BillOfEntry, BOERow, ImportItem, LedgerChange, License, SheetImport
from licensing.sheets import KINDS
from licensing.tasks import import_sheet, prune_imports
from scheduling.testing import drain, enqueued

pytestmark = pytest.mark.django_db
UPLOAD = "/licences/import/"
LICENCES = ("Licence number", "Expiry date", "Port", "Line", "Serial", "HS code", "Quantity", "CIF USD",
            "Restricted", "Restriction percentage")  # fmt: skip
BOES = ("BOE number", "BOE date", "Licence number", "Serial", "Type", "Quantity", "CIF USD")
ALLOTMENTS = ("Company", "Invoice", "Licence number", "Serial", "Quantity", "CIF USD")
TWO = (
    ("L-1", "2027-05-31", "INNSA1", "export", "", "", 100, "10,000.00", "", ""),
    ("L-1", "31/05/2027", "INNSA1", "import", 1, "1701", 500, 4000, "", ""),
    ("L-1", "", "", "import", 2, "0801", "50.5", 1000, "yes", 10),
    ("L-2", "", "", "", "", "", "", "", "", ""),
)


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def page(client, manager):
    client.force_login(manager)
    return client


def workbook(headings: tuple, *rows: tuple) -> BytesIO:
    file = BytesIO()
    write_xlsx(file, headings, rows)
    file.seek(0)
    file.name = "sheet.xlsx"
    return file


def upload(page, kind: str, file: BytesIO) -> SheetImport:
    answer = page.post(UPLOAD, {"kind": kind, "file": file})
    assert answer.status_code == 302, answer.content.decode()
    return SheetImport.objects.latest("pk")


def bring_in(page, kind: str, file: BytesIO) -> SheetImport:
    kept = upload(page, kind, file)
    assert page.post(f"{kept.get_absolute_url()}confirm/").status_code == 302
    kept.refresh_from_db()
    assert kept.finished_at
    return kept


def counts(kept: SheetImport) -> tuple[int, int, int, int]:
    return tuple(kept.report[name] for name in ("new", "changed", "unchanged", "bad"))


def everything() -> list[list[dict[str, object]]]:
    models = [model for model in apps.get_app_config("licensing").get_models() if model is not SheetImport]
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_an_upload_writes_nothing_and_lists_what_it_would_do(page, licence):
    licence("L-1", items=[{"quantity": 100}])
    before = everything()
    kept = upload(page, "licences", workbook(LICENCES, *TWO, ("", "", "", "", "", "", "", "", "", "")))
    assert everything() == before
    text = page.get(kept.get_absolute_url()).content.decode()
    assert "row 3: L-1 item 1: " in text
    assert "quantity 100.000 → 500.000" in text
    assert "row 5: L-2: new" in text
    assert "Import 4 rows" in text


def test_confirmed_rows_become_licences_that_are_worked_out(page, manager):
    kept = bring_in(page, "licences", workbook(LICENCES, *TWO))
    assert counts(kept) == (4, 0, 0, 0)
    first = License.objects.get(license_number="L-1")
    assert (first.expiry_date, first.port, first.balance_cif) == (date(2027, 5, 31), "INNSA1", 10000)
    values = [each.available_value for each in first.import_items.order_by("serial")]
    assert values == [10000, 1000]
    assert LedgerChange.objects.filter(user=manager, license=first).exists()


def test_the_same_file_twice_changes_nothing(page):
    bring_in(page, "licences", workbook(LICENCES, *TWO))
    before = everything()
    again = bring_in(page, "licences", workbook(LICENCES, *TWO))
    assert counts(again) == (0, 0, 4, 0)
    assert everything() == before


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (("", "", "", "", "", "", "", "", "", ""), None, None),
        (("", "", "P", "", "", "", "", "", "", ""), "Licence number", "It is empty"),
        (("L-1", "31.13.2027", "", "", "", "", "", "", "", ""), "Expiry date", "is no date"),
        (("L-1", "", "", "import", "", "", "", "", "", ""), "Serial", "needs its serial"),
        (("L-1", "", "", "import", 1, "", "many", "", "", ""), "Quantity", "is no number: give one"),
        (("L-1", "", "", "import", "x", "", "", "", "", ""), "Serial", "is no whole number: give one"),
        (("L-1", "", "", "import", 1, "", "-5", "", "", ""), "Quantity", "greater than or equal to 0"),
        (("L-1", "", "", "import", 1, "", "5.0001", "", "", ""), "Quantity", "3 decimal places"),
        (("L-1", "", "", "import", 1, "", "", "", "perhaps", ""), "Restricted", "neither yes nor no"),
        (
            ("L-1", "", "", "import", 1, "", "", "", "yes", 101),
            "Restriction percentage",
            "less than or equal",
        ),
        (("L-1", "", "", "sideways", 1, "", "", "", "", ""), "Line", "neither export nor import"),
    ],
)
def test_what_is_wrong_is_told_by_row_and_column(page, row, column, words):
    kept = upload(page, "licences", workbook(LICENCES, ("L-0", *[""] * 9), row))
    if column is None:
        assert kept.report["errors"] == []
        return
    [error] = kept.report["errors"]
    assert (error["row"], error["column"]) == (3, column)
    assert words in error["message"]


def test_a_serial_twice_in_a_file_is_told(page):
    row = ("L-1", "", "", "import", 1, "", 5, "", "", "")
    kept = upload(page, "licences", workbook(LICENCES, row, row))
    assert kept.report["errors"][0]["message"] == "Same licence and serial as row 2: remove one of them."


def test_what_a_sheet_makes_of_a_licence_is_on_record_with_its_user(page, licence, manager):
    licence("L-1", port="OLD")
    headings = ("Licence number", "Port")
    bring_in(page, "licences", workbook(headings, ("L-1", "NEW"), ("L-2", "P")))
    changed, added = LedgerChange.objects.filter(row="licence").order_by("pk")
    assert (changed.action, changed.user, changed.before, changed.after) == (
        "changed",
        manager,
        {"port": "OLD"},
        {"port": "NEW"},
    )
    assert (added.action, added.user, added.after["port"]) == ("added", manager, "P")


@pytest.mark.django_db(transaction=True)
def test_what_another_corrects_meanwhile_is_not_undone(licence):
    made = licence("L-1", port="OLD")
    corrected = threading.Event()

    def correct() -> None:
        """Not committed before the import has begun."""
        try:
            with entering.correcting(made, None):
                License.objects.filter(pk=made.pk).update(port="NEW")
                corrected.set()
                time.sleep(0.3)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        correcting = pool.submit(correct)
        assert corrected.wait(timeout=10)
        go_through(workbook(("Licence number", "Exporter"), ("L-1", "B")), "a.xlsx", KINDS["licences"]())
        correcting.result()
    made.refresh_from_db()
    assert (made.port, made.exporter) == ("NEW", "B")


def test_bills_of_entry_come_with_their_rows_and_debit(page, item):
    rows = [("77", "2026-11-01", "L-1", 1, "D", 10, 400), ("77", "2026-11-01", "L-1", 1, "", 5, 100)]
    kept = bring_in(page, "boes", workbook(BOES, *rows, ("77", "2026-11-01", "L-1", 1, "C", 0, 9999)))
    assert counts(kept) == (3, 0, 0, 0)
    assert BillOfEntry.objects.get().rows.count() == 3
    assert License.objects.get().balance_cif == 9500
    again = bring_in(page, "boes", workbook(BOES, *rows))
    assert counts(again) == (0, 0, 2, 0)
    corrected = bring_in(page, "boes", workbook(BOES, ("77", "2026-11-01", "L-1", 1, "D", 10, 450)))
    assert corrected.report["changes"] == ["row 2: BOE 77, L-1 item 1: cif_fc 400.00 → 450.00"]
    assert License.objects.get().balance_cif == 9450


def test_a_row_without_a_port_is_of_the_one_bill_of_its_number_and_date(page, item):
    row = ("77", "2026-11-01", "L-1", 1, "D", 10, 400)
    bring_in(page, "boes", workbook((*BOES, "Port"), (*row, "INNSA1")))
    assert counts(bring_in(page, "boes", workbook(BOES, row))) == (0, 0, 1, 0)
    assert License.objects.get().balance_cif == 9600
    BillOfEntry.objects.create(number="77", date="2026-11-01", port="INMAA1")
    [error] = upload(page, "boes", workbook(BOES, row)).report["errors"]
    assert error == {
        "row": 2,
        "column": "Port",
        "message": "There are 2 BOEs 77 of 2026-11-01: give its port.",
    }


def test_a_row_without_a_port_finds_the_bill_that_the_file_makes(page, item):
    rows = [("77", "2026-11-01", "L-1", 1, "D", 10, 400, port) for port in ("INNSA1", "")]
    bring_in(page, "boes", workbook((*BOES, "Port"), *rows))
    assert BillOfEntry.objects.get().rows.count() == 2


def test_a_bill_may_overdraw_because_customs_did_it(page, item):
    bring_in(page, "boes", workbook(BOES, ("77", "2026-11-01", "L-1", 1, "D", 1, 12000)))
    assert License.objects.get().overdrawn_cif == 2000
    assert "L-1: 2,000.00 USD" in page.get("/licences/quality/").content.decode()


@pytest.mark.parametrize(("kind", "headings", "row"), [
    ("boes", BOES, ("77", "2026-11-01", "L-9", 1, "D", 1, 1)),
    ("allotments", ALLOTMENTS, ("A", "INV-1", "L-9", 1, 1, 1)),
])  # fmt: skip
def test_an_unknown_item_is_told(page, kind, headings, row):
    kept = upload(page, kind, workbook(headings, row))
    assert "Licence L-9 has no import item 1" in kept.report["errors"][0]["message"]


def test_allotments_are_reserved_within_what_is_left(page, item):
    rows = [
        ("A", "INV-1", "L-1", 1, 600, 100),
        ("A", "INV-2", "L-1", 1, 500, 100),
        ("A", "INV-3", "L-1", 1, 400, 1),
    ]
    kept = bring_in(page, "allotments", workbook(ALLOTMENTS, *rows))
    assert counts(kept) == (2, 0, 0, 1)
    [error] = kept.report["errors"]
    assert (error["row"], error["column"]) == (3, "Quantity")
    assert "has 400.000 kg left, not 500.000" in error["message"]
    assert set(Allotment.objects.values_list("invoice", flat=True)) == {"INV-1", "INV-3"}
    assert counts(bring_in(page, "allotments", workbook(ALLOTMENTS, rows[0]))) == (0, 0, 1, 0)


def test_a_known_line_takes_over_what_its_allotment_says_besides(page, item):
    line = ("A", "INV-1", "L-1", 1, 600, 100)
    bring_in(page, "allotments", workbook((*ALLOTMENTS, "Port"), (*line, "INNSA1")))
    kept = bring_in(page, "allotments", workbook((*ALLOTMENTS, "Port"), (*line, "INMAA1")))
    assert (counts(kept), kept.report["changes"]) == (
        (0, 1, 0, 0),
        ["row 2: A, INV-1: L-1 item 1: port INNSA1 → INMAA1"],
    )
    assert Allotment.objects.get().port == "INMAA1"
    other = (*line[:4], 700, 100, "OTHER")
    [error] = upload(page, "allotments", workbook((*ALLOTMENTS, "Port"), other)).report["errors"]
    assert (error["column"], error["message"]) == (
        "Quantity",
        "600.000 are reserved already, not 700.000: release the allotment and reserve anew.",
    )


@pytest.mark.parametrize("quantity", [10, 20])
def test_one_item_twice_in_an_allotment_is_told(page, item, quantity):
    rows = [("A", "INV-1", "L-1", 1, 10, 1), ("A", "INV-1", "L-1", 1, quantity, 1)]
    kept = bring_in(page, "allotments", workbook(ALLOTMENTS, *rows))
    [error] = kept.report["errors"]
    assert (error["row"], counts(kept)) == (3, (1, 0, 0, 1))
    assert error["message"] == "Same company, invoice and item as row 2: remove one of them."


def test_nothing_is_added_to_an_allotment_whose_goods_came_in(page, licence, manager, today):
    licence(items=[{}, {}])
    bring_in(page, "allotments", workbook(ALLOTMENTS, ("A", "INV-1", "L-1", 1, 10, 100)))
    made = Allotment.objects.get()
    allotting.book(None, [made.pk], manager, today, number="77", date=today)
    rows = [("A", "INV-1", "L-1", serial, 10, 100) for serial in (1, 2)]
    kept = bring_in(page, "allotments", workbook(ALLOTMENTS, *rows))
    assert counts(kept) == (0, 0, 1, 1)
    assert (
        kept.report["errors"][0]["message"] == f"{made} is on a BOE already: reserve under another invoice."
    )
    assert License.objects.get().balance_cif == 9900


def test_lines_of_two_allotments_with_one_invoice_are_known(page, licence):
    for item in licence(items=[{}, {}]).import_items.all():
        made = Allotment.objects.create(company="A", invoice="INV-1", required_quantity=10)
        made.items.create(item=item, qty=10)
    rows = [("A", "INV-1", "L-1", serial, 10, "") for serial in (1, 2)]
    assert counts(bring_in(page, "allotments", workbook(ALLOTMENTS, *rows))) == (0, 0, 2, 0)


def test_the_line_that_makes_an_allotment_too_large_is_left_out(page, licence):
    licence(items=[{"quantity": "600000000000"}, {"quantity": "600000000000"}])
    rows = [("A", "INV-1", "L-1", serial, "600000000000", 1) for serial in (1, 2)]
    kept = bring_in(page, "allotments", workbook(ALLOTMENTS, *rows))
    [error] = kept.report["errors"]
    assert (error["row"], error["column"]) == (3, "Quantity")
    assert "more than IMS can hold: make it two allotments" in error["message"]


@pytest.mark.parametrize("kind", ["licences", "boes", "allotments"])
def test_an_export_taken_in_again_changes_nothing(page, kind, monkeypatch):
    monkeypatch.setattr(demo, "LICENCES", 40)
    demo.fill()
    exported = b"".join(page.get(f"/licences/export/{kind}.xlsx").streaming_content)
    before = everything()
    file = BytesIO(exported)
    file.name = f"{kind}.xlsx"
    kept = bring_in(page, kind, file)
    assert kept.report["unchanged"] == kept.report["total"], kept.report
    assert everything() == before


def test_the_export_of_licences_follows_the_filter(page, licence):
    licence("L-1")
    licence("L-2", credit="0")
    content = b"".join(page.get("/licences/export/licences.xlsx?state=null").streaming_content)
    lines = list(load_workbook(BytesIO(content)).active.values)
    assert {line[0] for line in lines[1:]} == {"L-2"}


def test_the_exports_of_allotments_and_bills_follow_their_filters(page, item, today):
    for company in ("Sweet", "Sour"):
        made = Allotment.objects.create(company=company)
        made.items.create(item=item, qty=1, cif_fc=1)
        boe = BillOfEntry.objects.create(number=f"N-{company}", date=today)
        BOERow.objects.create(bill_of_entry=boe, item=item, qty=1)
    made.boe_allotments.create(bill_of_entry=boe)  # Sour's goods came in
    assert column(page, "allotments", "?q=swe") == {"Sweet"}
    assert column(page, "allotments", "?open=1") == {"Sweet"}
    assert column(page, "allotments") == {"Sweet", "Sour"}
    assert column(page, "boes", "?q=sour") == {"N-Sour"}
    assert "?q=swe" in page.get("/licences/allotments/?q=swe").content.decode()
    assert "Export these" in page.get("/licences/allotments/?q=swe").content.decode()


def column(page, kind: str, query: str = "") -> set[object]:
    """The first one of an export."""
    content = b"".join(page.get(f"/licences/export/{kind}.xlsx{query}").streaming_content)
    return {line[0] for line in list(load_workbook(BytesIO(content)).active.values)[1:]}


@pytest.mark.parametrize("kind", KINDS)
def test_the_templates_example_can_be_read(page, kind, licence):
    licence("0310837893")
    content = b"".join(page.get(f"/licences/import/{kind}-template.xlsx").streaming_content)
    file = BytesIO(content)
    file.name = "t.xlsx"
    assert upload(page, kind, file).report["errors"] == []


# --- what is too large, or no number ------------------------------------------------------------------------
MOST = "9999999999999.99"


def exported(number: str, amount: str) -> tuple:
    return (number, "2027-05-31", "INNSA1", "export", "", "", 100, amount, "", "")


def test_the_row_that_makes_a_figure_too_large_is_left_out_and_named(page):
    rows = [exported("L-1", "100"), exported("L-1", MOST), exported("L-2", "100"), exported("L-1", "50")]
    kept = upload(page, "licences", workbook(LICENCES, *rows))
    [error] = kept.report["errors"]
    assert (error["row"], error["column"]) == (3, "CIF USD")
    assert "L-1" in error["message"]
    assert "correct the amount" in error["message"]
    assert counts(kept) == (3, 0, 0, 1)
    page.post(f"{kept.get_absolute_url()}confirm/")
    assert License.objects.get(license_number="L-1").balance_cif == 150
    assert License.objects.get(license_number="L-2").balance_cif == 100


def test_a_sheet_of_nothing_but_too_large_rows_is_refused_soon(page, monkeypatch):
    monkeypatch.setattr(writing, "MOST_TOO_MUCH", 3)
    without_serial = ("L-1", "", "", "import", *[""] * 6)
    rows = [*(exported("L-1", MOST) for _ in range(6)), without_serial]
    answer = page.post(UPLOAD, {"kind": "licences", "file": workbook(LICENCES, *rows)})
    assert answer.status_code == 400
    assert "correct the amount. More than 3 rows are as large." in answer.content.decode()


def test_a_sheet_that_takes_too_long_to_try_is_refused(page, monkeypatch):
    monkeypatch.setattr(importing, "A_TRIAL", -1)
    answer = page.post(UPLOAD, {"kind": "licences", "file": workbook(LICENCES, *TWO)})
    assert answer.status_code == 400
    assert "It takes too long to try: 4 rows took" in answer.content.decode()


def test_a_quantity_that_gets_too_large_is_told_at_its_column(page, licence, today):
    licence(credit="0", items=[{"quantity": 1}])
    line = ("77", today.isoformat(), "L-1", 1, "D", "999999999999.999", 0)
    kept = bring_in(page, "boes", workbook(BOES, line, line))
    [error] = kept.report["errors"]
    assert (error["row"], error["column"]) == (3, "Quantity")


def test_what_got_too_large_since_the_preview_is_told_at_its_row(page, licence):
    kept = upload(page, "licences", workbook(LICENCES, exported("L-1", MOST)))
    assert kept.report["errors"] == []
    made = licence(credit="5", items=[])
    made.export_items.create(cif_fc=7)
    shown = page.post(f"{kept.get_absolute_url()}confirm/", follow=True).content.decode()
    assert "correct the amount" in shown
    made.refresh_from_db()
    assert made.balance_cif == 12


@pytest.mark.parametrize(
    "amount",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "-1",
        "1e400",
        "1250,50",
        "1,5",
        "=1+1",
        "#DIV/0!",
        "2026-11-22",
        "1_000",
        "9" * 20,
        "٣",
    ],
)
def test_what_is_no_amount_is_an_error_of_its_row(page, amount):
    kept = upload(page, "licences", workbook(LICENCES, exported("L-1", amount)))
    [error] = kept.report["errors"]
    assert (error["row"], error["column"]) == (2, "CIF USD")


@pytest.mark.parametrize("amount", ["1,250.50", "1250.5", "1250.50", "+1250.5", "12,50.5"])
def test_amounts_are_read_as_people_write_them(page, amount):
    report = upload(page, "licences", workbook(LICENCES, exported("L-1", amount))).report
    assert (report["new"], report["bad"]) == ((0, 1) if amount == "12,50.5" else (1, 0))


def test_a_large_import_is_a_job(page):
    rows = [(f"L-{number}", *[""] * 9) for number in range(501)]
    kept = upload(page, "licences", workbook(LICENCES, *rows))
    text = page.post(f"{kept.get_absolute_url()}confirm/", follow=True).content.decode()
    assert "Waiting for a worker" in text
    assert enqueued(import_sheet) == [{"import_id": kept.pk, "rows": 501}]
    drain()
    assert License.objects.count() == 501
    assert importing.write(kept.pk) == 0


def test_only_own_imports_are_shown(client, page, admin):
    kept = upload(page, "licences", workbook(LICENCES, *TWO))
    client.force_login(admin)
    assert client.get(kept.get_absolute_url()).status_code == 404


def test_an_upload_that_nobody_confirms_is_removed_after_a_day(
    page, tmp_path, django_capture_on_commit_callbacks
):
    kept = upload(page, "licences", workbook(LICENCES, *TWO))
    SheetImport.objects.filter(pk=kept.pk).update(created_at=now() - timedelta(hours=25))
    with django_capture_on_commit_callbacks(execute=True):
        assert prune_imports() == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_that_is_no_spreadsheet_is_refused(page):
    file = BytesIO(b"%PDF-1.7")
    file.name = "x.xlsx"
    answer = page.post(UPLOAD, {"kind": "licences", "file": file})
    assert answer.status_code == 400
    assert "not a spreadsheet" in answer.content.decode()


def test_figures_in_a_sheet_are_overlooked(page, licence):
    made = licence()
    headings = ("Licence number", "Line", "Serial", "Available quantity", "Licence balance USD")
    bring_in(page, "licences", workbook(headings, ("L-1", "import", 1, 7, 7)))
    made.refresh_from_db()
    assert made.balance_cif == Decimal(10000)
    assert ImportItem.objects.get().available_quantity == 1000
    assert not BOERow.objects.exists()


def test_the_addresses_of_unknown_kinds_are_404(page):
    assert page.get(reverse("licensing:export", args=["nonsense"])).status_code == 404
