"""Packing slips from spreadsheets and into them."""

import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from django_q.models import Task as FinishedTask
from openpyxl import load_workbook

from ims.imports import uploads
from ims.imports.report import Report
from ims.imports.writing import go_through
from ims.lib.models import AuditLog
from ims.lib.sheets import write_csv, write_xlsx
from ims.uploads import folder
from ims.uploads.models import UploadFolder
from masterdata import imports, tasks
from masterdata.models import PackingSlip, Parcel, Product, SlipImport
from masterdata.slip_sheets import Changed, SlipRows, nobody
from scheduling.testing import drain, enqueued

pytestmark = pytest.mark.django_db
UPLOAD = "/shipments/import/"
HEADINGS = ("Order ID", "Tracking numbers", "Tracking vendor", "Quantity", "Product code")


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def page(client, operations):
    client.force_login(operations)
    return client


def workbook(*rows: tuple, headings: tuple = HEADINGS) -> BytesIO:
    file = BytesIO()
    write_xlsx(file, headings, rows)
    file.seek(0)
    file.name = "orders.xlsx"
    return file


def table(*rows: tuple, headings: tuple = HEADINGS) -> BytesIO:
    text = StringIO()
    write_csv(text, headings, rows)
    file = BytesIO(text.getvalue().encode())
    file.name = "orders.csv"
    return file


def upload(page, file: BytesIO) -> SlipImport:
    answer = page.post(UPLOAD, {"file": file})
    assert answer.status_code == 302, answer.content.decode()
    return SlipImport.objects.latest("pk")


def bring_in(page, file: BytesIO) -> SlipImport:
    kept = upload(page, file)
    assert page.post(f"{kept.get_absolute_url()}confirm/").status_code == 302
    kept.refresh_from_db()
    return kept


# --- in -----------------------------------------------------------------------------------------------------
def test_an_upload_writes_nothing_and_shows_what_it_would_do(page):
    kept = upload(page, workbook(("A-1", "TN1", "ups", 1, ""), ("A-2", "", "", "many", "")))
    assert PackingSlip.objects.count() == 0
    shown = page.get(kept.get_absolute_url()).content.decode()
    assert "Import 1 row" in shown
    assert "Quantity" in shown
    assert kept.report["errors"][0]["row"] == 3


@pytest.mark.parametrize("made", [workbook, table])
def test_confirmed_rows_become_packing_slips_with_parcels(page, made):
    Product.objects.create(name="Mug", code="MUG")
    bring_in(page, made(("A-1", "TN1, TN2", "UPS", 2, "MUG"), ("A-2", "", "", "", "")))
    first, second = PackingSlip.objects.order_by("order_id")
    assert (first.status, first.quantity, first.product.code, first.tracking_vendor) == (
        "shipped",
        2,
        "MUG",
        "ups",
    )
    assert second.status == "new_order"
    assert list(Parcel.objects.values_list("number", flat=True)) == ["TN1", "TN2"]
    assert enqueued(tasks.register_many) == [{"slip_ids": [first.pk]}]


def test_the_same_file_twice_changes_nothing(page):
    rows = [("A-1", "TN1,TN2", "ups", 1, ""), ("A-1", "TN3", "ups", 1, "")]
    bring_in(page, workbook(*rows))
    again = bring_in(page, workbook(*rows))
    assert PackingSlip.objects.count() == 2
    assert (again.report["new"], again.report["changed"], again.report["unchanged"]) == (0, 0, 2)


def test_a_row_finds_its_slip_by_order_and_numbers_in_any_order(page, shipped):
    slip = shipped("TN1, TN2", order_id="A-1", customizations="Gold", ship_to="Maya")
    bring_in(page, workbook(("A-1", "tn2;TN1", "fedex", 5, "")))
    slip.refresh_from_db()
    assert PackingSlip.objects.count() == 1
    assert (slip.quantity, slip.customizations, slip.ship_to) == (5, "Gold", "Maya")


@pytest.mark.parametrize(
    ("row", "column", "cure"),
    [
        (("", "TN1", "ups", 1, ""), "Order ID", "fill it in"),
        (("A-1", "TN1", "ups", "0", ""), "Quantity", "greater than or equal to 1"),
        (("A-1", "TN1", "ups", "x", ""), "Quantity", "whole number"),
        (("A-1", "#N/A", "ups", 1, ""), "Tracking numbers", "Excel's error #N/A: correct the formula"),
        (("A-1", "x" * 65, "ups", 1, ""), "Tracking numbers", "commas"),
        (("A-1", "TN1", "ups", 1, "NONE"), "Product code", "create it first"),
        (("x" * 65, "TN1", "ups", 1, ""), "Order ID", "64"),
    ],
)
def test_a_bad_row_names_row_column_and_cure_and_harms_no_other(page, row, column, cure):
    kept = bring_in(page, workbook(("GOOD", "TN9", "ups", 1, ""), row))
    (error,) = kept.report["errors"]
    assert (error["row"], error["column"]) == (3, column)
    assert cure in error["message"]
    assert PackingSlip.objects.get().order_id == "GOOD"


def test_a_row_that_comes_twice_is_told(page):
    kept = upload(page, workbook(("A-1", "TN1", "ups", 1, ""), ("A-1", "tn1", "ups", 2, "")))
    assert "row 2" in kept.report["errors"][0]["message"]


def test_status_is_read_by_code_or_words(page):
    file = workbook(
        ("A-1", "Quality check"), ("A-2", "in_production"), ("A-3", "lost"), headings=("Order", "Status")
    )
    kept = bring_in(page, file)
    assert set(PackingSlip.objects.values_list("status", flat=True)) == {"quality_check", "in_production"}
    assert "new_order" in kept.report["errors"][0]["message"]


def test_a_second_confirmation_writes_nothing(page):
    kept = bring_in(page, workbook(("A-1", "TN1", "ups", 1, "")))
    PackingSlip.objects.all().delete()
    page.post(f"{kept.get_absolute_url()}confirm/")
    assert PackingSlip.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_large_file_is_a_job_with_progress(page):
    kept = bring_in(page, workbook(*((f"A-{n}", f"TN{n}", "ups", 1, "") for n in range(1_200))))
    assert PackingSlip.objects.count() == 0
    assert "Waiting for a worker" in page.get(kept.get_absolute_url()).content.decode()
    drain()
    assert PackingSlip.objects.count() == Parcel.objects.count() == 1_200
    assert "Imported." in page.get(kept.get_absolute_url()).content.decode()


def test_an_import_is_in_the_audit_log_and_its_file_is_gone(
    page, operations, tmp_path, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        bring_in(page, workbook(("A-1", "TN1", "ups", 1, "")))
    entry = AuditLog.objects.get(action="shipments.import")
    assert (entry.user, entry.after["rows"]) == (operations, 1)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.xlsx", b"", "empty"),
        ("a.xlsx", b"MZ\x90 not a workbook", "no workbook"),
        ("a.pdf", b"%PDF-1.7", "cannot be read"),
        ("a.csv", b"<html><table>", "web page"),
        ("a.csv", b"Name,Colour\nMug,white\n", "Order ID"),
        ("a.csv", b"Order ID\n", "no rows"),
    ],
)
def test_a_hostile_or_wrong_file_is_refused_with_a_sentence(page, name, content, sentence):
    file = BytesIO(content)
    file.name = name
    answer = page.post(UPLOAD, {"file": file})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not SlipImport.objects.exists()


def test_a_zip_bomb_is_refused(page):
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 50_000_000)
    file.seek(0)
    file.name = "a.xlsx"
    assert "unpacks to far more" in page.post(UPLOAD, {"file": file}).content.decode()


def test_only_operations_import_and_only_their_own(client, page, reader, admin):
    kept = upload(page, workbook(("A-1", "TN1", "ups", 1, "")))
    client.force_login(reader)
    assert client.get(UPLOAD).status_code == 403
    client.force_login(admin)
    assert client.get(kept.get_absolute_url()).status_code == 404


# --- two at once --------------------------------------------------------------------------------------------
def write_here(changed: Changed = nobody) -> Report:
    """Write two rows from a thread."""
    rows = table(("A-1", "TN1", "ups", 1, ""), ("A-2", "", "", 1, ""))
    try:
        return go_through(rows, "orders.csv", SlipRows(changed))
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_the_same_rows_at_once_make_no_doubles():
    written = threading.Event()

    def linger(slip_ids: list[int]) -> None:
        """Written, and not committed before the other import has begun."""
        written.set()
        time.sleep(0.3)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(write_here, linger)
        assert written.wait(timeout=10)
        second = pool.submit(write_here)
    assert (first.result().new, second.result().new, second.result().unchanged) == (2, 0, 2)
    assert PackingSlip.objects.count() == 2
    assert Parcel.objects.count() == 1


# --- never confirmed ----------------------------------------------------------------------------------------
def age(kept: SlipImport, by: timedelta) -> None:
    SlipImport.objects.filter(pk=kept.pk).update(created_at=now() - by)


def test_an_upload_that_nobody_confirms_is_removed_after_a_day(
    page, tmp_path, django_capture_on_commit_callbacks
):
    age(upload(page, workbook(("A-1", "TN1", "ups", 1, ""))), timedelta(hours=25))
    with django_capture_on_commit_callbacks(execute=True):
        assert tasks.prune_imports() == 1
    assert not SlipImport.objects.exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_younger_upload_stays(page):
    kept = upload(page, workbook(("A-1", "TN1", "ups", 1, "")))
    age(kept, timedelta(hours=23))
    assert tasks.prune_imports() == 0
    assert kept.file.storage.exists(kept.file.name)


def test_an_old_import_goes_with_its_report(page, settings):
    settings.IMPORTS_KEEP_DAYS = 90
    kept = bring_in(page, workbook(("A-1", "TN1", "ups", 1, "")))
    age(kept, timedelta(days=89))
    assert tasks.prune_imports() == 0
    age(kept, timedelta(days=91))
    assert tasks.prune_imports() == 1
    assert not SlipImport.objects.exists()
    assert PackingSlip.objects.count() == 1


def test_many_old_imports_go_in_short_statements(operations, django_assert_max_num_queries, monkeypatch):
    monkeypatch.setattr(uploads, "PORTION", 10)
    SlipImport.objects.bulk_create(SlipImport(user=operations) for _ in range(25))
    SlipImport.objects.update(created_at=now() - timedelta(days=200))
    with django_assert_max_num_queries(25):
        assert uploads.prune(SlipImport, now()) == 25


def test_a_job_of_an_import_that_was_pruned_fails_for_good(page):
    rows = [(f"A-{number}", "", "", 1, "") for number in range(501)]
    bring_in(page, workbook(*rows))
    SlipImport.objects.all().delete()
    drain()
    assert PackingSlip.objects.count() == 0
    failed = FinishedTask.objects.get(func__contains="import_packing_slips")
    assert (failed.success, failed.attempt_count) == (False, 1)
    assert "upload the file again" in str(failed.result)


# --- a machine with another MEDIA_ROOT ----------------------------------------------------------------------
def test_a_file_that_is_gone_is_told_in_words_and_fails_no_page(page, tmp_path):
    kept = upload(page, workbook(("A-1", "TN1", "ups", 1, "")))
    (tmp_path / kept.file.name).unlink()
    UploadFolder.objects.all().delete()  # nobody knows of another folder
    shown = page.post(f"{kept.get_absolute_url()}confirm/", follow=True).content.decode()
    assert "The import did not end." in shown
    assert "upload it again" in shown
    assert "all machines must share one MEDIA_ROOT" in shown


def test_an_import_that_failed_claims_nothing_of_what_its_trial_found(page, tmp_path):
    kept = upload(page, workbook(("A-1", "TN1", "ups", 1, ""), ("", "", "", 1, "")))
    (tmp_path / kept.file.name).unlink()
    shown = page.post(f"{kept.get_absolute_url()}confirm/", follow=True).content.decode()
    assert "The import did not end." in shown
    assert "A-1: new" not in shown
    assert "What changed" not in shown
    assert "2 rows" not in shown
    assert "Rows to correct" in shown


def test_a_worker_with_another_folder_says_so_and_leaves_it_to_others(page, settings, tmp_path):
    UploadFolder.objects.all().delete()
    folder.mark()
    kept = upload(page, workbook(("A-1", "TN1", "ups", 1, "")))
    uploads.claim(kept)
    settings.MEDIA_ROOT = tmp_path / "elsewhere"
    with pytest.raises(folder.OutOfReach, match="is not the folder in which other machines keep") as caught:
        tasks.write_import(kept.pk)
    assert not caught.value.permanent
    settings.MEDIA_ROOT = tmp_path
    assert tasks.write_import(kept.pk) == 1


def test_an_upload_that_cannot_be_kept_is_refused_with_the_reason(page, settings, tmp_path):
    (tmp_path / "imports").write_text("a file where the folder should be")
    answer = page.post(UPLOAD, {"file": workbook(("A-1", "TN1", "ups", 1, ""))})
    assert answer.status_code == 400
    assert "Tell the operator" in answer.content.decode()


# --- twice, killed ------------------------------------------------------------------------------------------
def test_an_import_that_is_written_now_is_running_for_who_looks(page):
    kept = upload(page, workbook(("A-1", "TN1", "ups", 1, "")))
    uploads.claim(kept)
    assert "The import did not end" not in page.get(kept.get_absolute_url()).content.decode()
    SlipImport.objects.filter(pk=kept.pk).update(confirmed_at=now() - timedelta(minutes=3))
    assert "The import did not end" in page.get(kept.get_absolute_url()).content.decode()


def test_numbers_of_a_batch_are_registered_though_a_later_one_fails(operations):
    rows = [(f"A-{number}", f"TN{number}", "ups", 1, "") for number in range(600)]
    file = workbook(*rows)
    heard: list[list[int]] = []

    def break_off(slip_ids: list[int]) -> None:
        if heard:
            raise RuntimeError("killed")
        heard.append(slip_ids)
        tasks.register_in_lots(slip_ids)

    with pytest.raises(RuntimeError):
        go_through(file, "orders.xlsx", SlipRows(break_off))
    assert PackingSlip.objects.count() == 500
    assert sum(len(each["slip_ids"]) for each in enqueued(tasks.register_many)) == 500


def killed_half_way(page) -> SlipImport:
    """600 rows, of which an attempt wrote 500."""
    kept = upload(page, workbook(*((f"A-{number}", "TN1", "ups", 1, "") for number in range(600))))
    batches: list[object] = []

    def break_off(slip_ids: list[int]) -> None:
        batches.append(slip_ids)
        if len(batches) == 2:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        imports.write(kept.pk, changed=break_off)
    return kept


def told(kept: SlipImport) -> tuple[int, int, int]:
    kept.refresh_from_db()
    return tuple(kept.report[name] for name in ("total", "new", "unchanged"))


def test_what_a_killed_attempt_wrote_is_told_as_new(page):
    kept = killed_half_way(page)
    uploads.fail(kept, "killed")  # with what was read before that attempt
    assert imports.write(kept.pk)
    assert told(kept) == (600, 600, 0)
    assert "so_far" not in kept.report


def test_of_two_attempts_at_once_both_tell_the_same(page):
    kept = upload(page, workbook(*((f"A-{number}", "TN1", "ups", 1, "") for number in range(600))))
    reports: list[Report | None] = []

    def is_overtaken(done: int) -> None:
        if not reports:
            reports.append(imports.write(kept.pk))

    imports.write(kept.pk, is_overtaken)
    assert reports[0].new == 600
    assert told(kept) == (600, 600, 0)
    assert "so_far" not in kept.report


def test_an_error_of_the_database_in_the_request_is_told_at_once(page, operations):
    kept = upload(page, workbook(("A-1", "TN1", "ups", 1, "")))

    def away(import_id: int) -> None:
        raise OperationalError("the database is away")

    with pytest.raises(OperationalError):
        uploads.begin(kept, operations, "shipments.import", enqueue=tasks.import_packing_slips, write=away)
    assert (
        "It failed unexpectedly: upload the file again." in page.get(kept.get_absolute_url()).content.decode()
    )


def test_products_cost_no_query_a_row():
    def import_rows(count: int) -> int:
        rows = [(f"A-{number}", "", "", 1, f"M-{number}") for number in range(count)]
        with CaptureQueriesContext(connection) as found:
            go_through(table(*rows), "orders.csv", SlipRows(write=False))
        return len(found)

    Product.objects.bulk_create(Product(name="Mug", code=f"M-{number}") for number in range(20))
    PackingSlip.objects.bulk_create(
        PackingSlip(order_id=f"A-{number}", product=product)
        for number, product in enumerate(Product.objects.all())
    )
    assert import_rows(20) == import_rows(2)


# --- by command ---------------------------------------------------------------------------------------------
def command(path, *options: str) -> str:
    out = StringIO()
    call_command("import_packing_slips", str(path), *options, stdout=out, stderr=out)
    return out.getvalue()


def test_the_command_does_the_same(tmp_path):
    path = tmp_path / "orders.xlsx"
    path.write_bytes(workbook(("A-1", "TN1", "ups", 1, "")).getvalue())
    assert "Nothing was written: 1 rows, 1 new" in command(path, "--dry-run")
    assert PackingSlip.objects.count() == 0
    assert "Imported: 1 rows, 1 new" in command(path)
    assert "0 new, 0 changed, 1 unchanged" in command(path)


def test_the_command_fails_where_rows_were_left_out(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_bytes(table(("", "TN1", "ups", 1, "")).getvalue())
    with pytest.raises(CommandError, match="1 rows were left out"):
        command(path)
    with pytest.raises(CommandError, match="missing"):
        command(tmp_path / "missing.xlsx")


# --- out ----------------------------------------------------------------------------------------------------
def export(page, kind: str, query: str = "") -> bytes:
    answer = page.get(reverse("masterdata:export", args=[kind]) + query)
    assert answer.status_code == 200
    return answer.getvalue()


def test_the_export_is_the_filtered_list(page, shipped):
    shipped("TN1", order_id="A-1")
    shipped("TN2", order_id="A-2", tracking_vendor="ups")
    sheet = load_workbook(BytesIO(export(page, "xlsx", "?vendor=ups"))).active
    assert [row[0].value for row in sheet.iter_rows()] == ["Order ID", "A-2"]


def test_text_is_never_a_formula(page, shipped):
    shipped("TN1", order_id="=1+1", ship_to="@SUM(A1)")
    cell = load_workbook(BytesIO(export(page, "xlsx"))).active["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    assert "'=1+1" in export(page, "csv").decode()


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_an_export_comes_back_unchanged(page, shipped, kind):
    product = Product.objects.create(name="Mug", code="MUG")
    shipped("TN1, TN2", order_id="=1+1", ship_to="-Maya\nAustin", sales_price="12.50", product=product)
    shipped("", order_id="007", status="new_order", customizations="=x")
    file = BytesIO(export(page, kind))
    file.name = f"shipments.{kind}"
    report = upload(page, file).report
    assert (report["total"], report["unchanged"], report["errors"]) == (2, 2, [])


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_the_template_can_be_imported(page, kind):
    file = BytesIO(b"".join(page.get(f"{UPLOAD}template.{kind}")))
    file.name = f"template.{kind}"
    assert upload(page, file).report["new"] == 1


def test_an_unknown_kind_of_file_is_not_found(page):
    assert page.get("/shipments/export.pdf").status_code == 404


def test_the_stranger_exports_nothing(client, stranger):
    client.force_login(stranger)
    assert client.get("/shipments/export.csv").status_code == 403


def test_every_column_is_a_field_of_a_packing_slip():
    assert all(PackingSlip._meta.get_field(field) for field in SlipRows.columns)
