"""Suppliers' price lists: which rows become which offers, and what is told of the others."""

from datetime import datetime, timedelta
from decimal import Decimal
from io import BytesIO, StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.urls import reverse
from django.utils.timezone import now

from crossdock import demo, offer_actions, offers
from crossdock.models import Offer, OfferImport, PriceView, Supplier
from crossdock.tasks import import_offers
from ims.lib.models import AuditLog
from ims.lib.sheets import SheetError, write_xlsx
from ims.uploads.models import UploadFolder
from scheduling.testing import drain, enqueued
from tests.crossdock.sheets import Watched

pytestmark = pytest.mark.django_db
PAGE = "/cross-dock/offers/"
HEADINGS = ("Поставщик", "Бренд", "Артикул", "Цена", "Количество", "Обновлено")


@pytest.fixture
def alpha(group) -> Supplier:
    supplier = Supplier.objects.create(supid="A1", name="Alpha")
    supplier.groups.add(group)
    return supplier


def price_list(*rows: tuple, headings: tuple = HEADINGS) -> BytesIO:
    file = BytesIO()
    write_xlsx(file, headings, rows)
    file.seek(0)
    file.name = "prices.xlsx"
    return file


def bring_in(*rows: tuple, **options) -> offers.Report:
    return offers.go_through(price_list(*rows, **options), "prices.xlsx", None)


# --- rows ---------------------------------------------------------------------------------------------------
def test_a_row_becomes_an_offer(alpha):
    report = bring_in(("a1", "KIA", "0012", "1 250,50", ">10", "2026-01-31 14:30"))
    offer = Offer.objects.get()
    assert (report.total, report.written, report.bad) == (1, 1, 0)
    assert (offer.supplier, offer.brand, offer.article, offer.article_key) == (alpha, "KIA", "0012", "0012")
    assert (offer.price, offer.quantity) == (Decimal("1250.50"), 10)
    assert offer.updated_at == datetime.fromisoformat("2026-01-31T14:30:00+00:00")


@pytest.mark.parametrize("date", ["2026-01-31", "31.01.2026", "2026-01-31T00:00:00Z"])
def test_dates_are_read_as_price_lists_write_them(alpha, date):
    bring_in(("A1", "KIA", "1", 10, 1, date))
    assert Offer.objects.get().updated_at == datetime.fromisoformat("2026-01-31T00:00:00+00:00")


def test_without_a_date_offers_are_of_now(alpha):
    bring_in(("A1", "KIA", "1", 10, 1), headings=HEADINGS[:5])
    assert now() - Offer.objects.get().updated_at < timedelta(minutes=1)


@pytest.mark.parametrize(("price", "quantity"), [("10,50", "5,0"), ("10,5", "5"), ("0010,500", "5.0")])
def test_a_decimal_comma_is_read_where_it_can_be_nothing_else(alpha, price, quantity):
    bring_in(("A1", "KIA", "1", price, quantity, ""))
    offer = Offer.objects.get()
    assert (offer.price, offer.quantity) == (Decimal("10.50"), 5)


def test_the_newest_offer_of_a_part_stays(alpha):
    bring_in(("A1", "KIA", "1", 10, 1, "2026-01-31"))
    older = bring_in(("A1", "kia ", "1", 5, 1, "2026-01-30"))
    newer = bring_in(("A1", "Kia", "1", 20, 2, "2026-02-01"))
    offer = Offer.objects.get()
    assert (older.written, older.older, newer.written) == (0, 1, 1)
    assert (offer.brand, offer.price, offer.quantity) == ("Kia", 20, 2)


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rows_for_one_part_the_newer_counts_and_of_two_at_once_the_cheaper(alpha, order):
    rows = [
        ("A1", "KIA", "1", 10, 1, "2026-01-31"),
        ("A1", "KIA", "1", 20, 1, "2026-02-01"),
        ("A1", "KIA", "1", 15, 1, "2026-02-01"),
    ][::order]
    report = bring_in(*rows)
    assert Offer.objects.get().price == 15
    assert (report.total, report.written, report.older) == (3, 1, 2)


def test_the_same_file_twice_changes_nothing(alpha):
    row = ("A1", "KIA", "1", 10, 1, "2026-01-31")
    bring_in(row)
    assert bring_in(row).written == 0


@pytest.mark.parametrize(
    ("row", "column", "cure"),
    [
        (("B9", "KIA", "1", 10, 1, ""), "Поставщик", "add it first"),
        (("A1", "", "1", 10, 1, ""), "Бренд", "fill it in"),
        (("A1", "KIA", "x" * 101, 10, 1, ""), "Артикул", "shorten"),
        (("A1", "KIA", "1", "free", 1, ""), "Цена", "1250.50"),
        (("A1", "KIA", "1", "NaN", 1, ""), "Цена", "no price"),
        (("A1", "KIA", "1", 0, 1, ""), "Цена", "more than zero"),
        (("A1", "KIA", "1", "1" * 30, 1, ""), "Цена", "no price"),
        (("A1", "KIA", "1", "1,250", 1, ""), "Цена", "may be 1250 or 1.25: write the one"),
        (("A1", "KIA", "1", "#N/A", 1, ""), "Цена", "Excel's error #N/A: correct the formula"),
        (("A1", "KIA", "#REF!", 10, 1, ""), "Артикул", "Excel's error #REF!: correct the formula"),
        (("A1", "KIA", "1", 10, "many", ""), "Количество", "whole number"),
        (("A1", "KIA", "1", 10, "1,000", ""), "Количество", "may be 1000 or 1: write the one"),
        (("A1", "KIA", "1", 10, ">10.000", ""), "Количество", "may be 10000 or 10: write the one"),
        (("A1", "KIA", "1", 10, -1, ""), "Количество", "whole number"),
        (("A1", "KIA", "1", 10, 1.5, ""), "Количество", "whole number"),
        (("A1", "KIA", "1", 10, 10**11, ""), "Количество", "whole number"),
        (("A1", "KIA", "1", 10, 1, "yesterday"), "Обновлено", "2026-01-31"),
        (("A1", "KIA", "1", 10, 1, "31.02.2026"), "Обновлено", "no date"),
        (("A1", "KIA", "1", 10, 1, "2999-01-01"), "Обновлено", "future"),
    ],
)
def test_a_bad_row_names_row_column_and_cure_and_harms_no_other(alpha, row, column, cure):
    report = bring_in(("A1", "KIA", "GOOD", 10, 1, ""), row)
    (error,) = report.errors
    assert (report.bad, error.row, error.column) == (1, 3, column)
    assert cure in error.message
    assert Offer.objects.get().article == "GOOD"


def test_many_rows_cost_few_statements(alpha, django_assert_max_num_queries):
    rows = [("A1", "KIA", f"{number:05d}", 10, 1, "") for number in range(5_000)]
    with django_assert_max_num_queries(14):
        report = bring_in(*rows)
    assert (report.written, Offer.objects.count()) == (5_000, 5_000)


# --- the page -----------------------------------------------------------------------------------------------
@pytest.fixture
def page(client, operator):
    client.force_login(operator)
    return client


def test_an_upload_is_a_job_with_a_report(page, alpha, operator):
    file = price_list(("A1", "KIA", "1", 10, 1, ""), ("A1", "KIA", "2", "x", 1, ""))
    answer = page.post(PAGE, {"file": file})
    chosen = OfferImport.objects.get()
    assert answer.url == chosen.get_absolute_url()
    assert "Waiting for a worker" in page.get(answer.url).content.decode()
    drain()
    shown = page.get(answer.url).content.decode()
    for words in ("Imported.", "2 rows", "is no price"):
        assert words in shown
    assert Offer.objects.count() == 1
    assert PriceView.objects.get().rows == 1
    assert AuditLog.objects.get(action="cross_dock.import_offers").user == operator
    chosen.refresh_from_db()
    assert not chosen.file


def test_a_list_without_dates_is_of_its_upload_however_late_it_is_written(page, alpha):
    for price in (10, 20):
        page.post(PAGE, {"file": price_list(("A1", "KIA", "1", price, 1), headings=HEADINGS[:5])})
    newer, older = OfferImport.objects.all()
    offers.write(newer.pk)
    assert offers.write(older.pk)["older"] == 1
    assert Offer.objects.get().price == 20


def test_of_two_runs_of_one_list_the_first_to_end_has_the_say(page, alpha):
    page.post(PAGE, {"file": price_list(("A1", "KIA", "1", 10, 1, ""))})
    chosen = OfferImport.objects.get()

    def is_overtaken(done: int, total: int) -> None:
        offers.write(chosen.pk)
        chosen.refresh_from_db()

    assert offers.write(chosen.pk, is_overtaken)["written"] == 1
    ended = OfferImport.objects.get()
    assert (ended.finished_at, ended.report) == (chosen.finished_at, chosen.report)
    assert ended.report["written"] == 1


def test_what_a_killed_attempt_wrote_is_told_as_written(page, alpha):
    rows = [("A1", "KIA", f"{number:05d}", 10, 1) for number in range(2_001)]
    page.post(PAGE, {"file": price_list(*rows, headings=HEADINGS[:5])})
    chosen = OfferImport.objects.get()

    def die(done: int, total: int) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        offers.write(chosen.pk, die)
    assert Offer.objects.count() == 2_000
    assert offers.write(chosen.pk) == {"total": 2_001, "written": 2_001, "older": 0, "bad": 0}


def test_a_price_list_is_read_and_copied_before_the_transaction(alpha, operator):
    file = Watched(price_list(("A1", "KIA", "1", 10, 1, "")).read())
    offer_actions.begin(file, "a.xlsx", None, operator)
    assert file.depths == {len(connection.savepoint_ids)}


def test_a_list_of_one_supplier_needs_no_column_for_it(page, alpha):
    file = price_list(("KIA", "1", 10, 1), headings=HEADINGS[1:5])
    page.post(PAGE, {"file": file, "supplier": "A1"})
    drain()
    assert Offer.objects.get().supplier == alpha


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("Бренд;Артикул\nKIA;1\n", "“Поставщик”, “Цена”, “Количество” missing"),
        ("Поставщик;Бренд;Артикул;Цена;Количество\n", "no rows below"),
        ("", "empty"),
    ],
)
def test_a_wrong_list_is_refused_with_its_cure(page, alpha, content, sentence):
    answer = page.post(PAGE, {"file": SimpleUploadedFile("a.csv", content.encode())})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not OfferImport.objects.exists()


def test_a_list_that_breaks_half_way_keeps_what_was_written_and_says_so(page, alpha):
    rows = "".join(f"A1;KIA;{number};10;1\n" for number in range(3_000))
    text = f'Поставщик;Бренд;Артикул;Цена;Количество\n{rows}A1;KIA;"open;10;1\n{"x" * 200_000}'
    page.post(PAGE, {"file": SimpleUploadedFile("a.csv", text.encode())})
    drain()
    shown = page.get(OfferImport.objects.get().get_absolute_url()).content.decode()
    assert "The import did not end." in shown
    assert "quotation mark" in shown
    with pytest.raises(SheetError, match="quotation mark"):  # run again by hand, it keeps its reason
        offers.write(OfferImport.objects.get().pk)
    assert Offer.objects.count() >= 2_000
    assert enqueued(import_offers) == []


def test_an_upload_whose_import_never_ended_is_removed(
    page, alpha, media, django_capture_on_commit_callbacks
):
    page.post(PAGE, {"file": price_list(("A1", "KIA", "1", 10, 1, ""))})
    with django_capture_on_commit_callbacks(execute=True):
        assert offers.prune(now() + timedelta(days=1)) == 0
        assert offers.prune(now() + timedelta(days=3)) == 1
    assert not [path for path in media.rglob("*") if path.is_file()]


@pytest.mark.parametrize("date", ["0001-01-01 00:00:00+14:00", "1899-12-30", "46000", "9999-12-31"])
def test_a_date_of_no_price_list_is_an_error_of_its_row(page, alpha, date):
    page.post(PAGE, {"file": price_list(("A1", "KIA", "1", 10, 1, date), ("A1", "KIA", "2", 10, 1, ""))})
    drain()
    report = OfferImport.objects.get().report
    assert (report["written"], report["bad"]) == (1, 1)
    assert "date" in report["errors"][0]["message"]


def test_an_old_import_goes_with_its_report(page, alpha, settings):
    settings.IMPORTS_KEEP_DAYS = 90
    page.post(PAGE, {"file": price_list(("A1", "KIA", "1", 10, 1, ""))})
    drain()
    assert offers.prune(now() + timedelta(days=89)) == 0
    assert offers.prune(now() + timedelta(days=91)) == 1
    assert not OfferImport.objects.exists()
    assert Offer.objects.count() == 1


def test_a_list_whose_file_is_gone_says_so_in_words(page, alpha, media):
    page.post(PAGE, {"file": price_list(("A1", "KIA", "1", 10, 1, ""))})
    chosen = OfferImport.objects.get()
    (media / chosen.file.name).unlink()
    UploadFolder.objects.all().delete()  # nobody knows of another folder
    drain()
    shown = page.get(chosen.get_absolute_url()).content.decode()
    assert "The import did not end." in shown
    assert "The uploaded file is gone: upload it again." in shown


def test_buyers_bring_in_no_offers(client, buyer):
    client.force_login(buyer)
    assert client.get(PAGE).status_code == 403


def test_without_suppliers_the_page_says_what_to_do(page):
    assert "There are no suppliers yet" in page.get(PAGE).content.decode()


# --- the admin ----------------------------------------------------------------------------------------------
def test_the_admin_leads_to_the_import_of_the_chosen_supplier(client, admin, alpha):
    client.force_login(admin)
    body = {"action": "import_offers", "_selected_action": [alpha.pk]}
    answer = client.post(reverse("admin:crossdock_supplier_changelist"), body)
    assert answer.url == f"{PAGE}?supplier=A1"
    assert '<option value="A1" selected>' in client.get(answer.url).content.decode()


@pytest.mark.parametrize(
    "model",
    ["supplier", "suppliergroup", "brandalias", "offer", "offerimport", "crossdocktask", "taskcomment"],
)
def test_the_admin_lists_and_searches(client, admin, offer, model):
    offer("KIA", "1", "10")
    client.force_login(admin)
    assert client.get(reverse(f"admin:crossdock_{model}_changelist"), {"q": "1"}).status_code in (200, 302)


def test_an_alias_of_an_alias_is_refused(client, admin):
    client.force_login(admin)
    address = reverse("admin:crossdock_brandalias_add")
    client.post(address, {"alias": "Mobis", "brand": "KIA"})
    for body, sentence in (
        ({"alias": "x", "brand": "mobis "}, "itself an alias"),
        ({"alias": "kia", "brand": "y"}, "Other aliases lead to it"),
        ({"alias": "MOBIS", "brand": "z"}, "alias already"),
        ({"alias": "x", "brand": "X"}, "the brand itself"),
    ):
        assert sentence in client.post(address, body).content.decode()


# --- the command --------------------------------------------------------------------------------------------
def command(path, *options: str) -> str:
    out = StringIO()
    call_command("import_offers", str(path), *options, stdout=out, stderr=out)
    return out.getvalue()


def test_the_command_does_the_same(tmp_path, alpha):
    path = tmp_path / "prices.xlsx"
    path.write_bytes(price_list(("KIA", "1", 10, 1), headings=HEADINGS[1:5]).getvalue())
    assert "Imported: 1 rows, 1 written" in command(path, "--supplier", "A1")
    assert PriceView.objects.get().rows == 1


def test_the_command_fails_where_rows_were_left_out(tmp_path, alpha):
    path = tmp_path / "prices.xlsx"
    path.write_bytes(price_list(("A1", "KIA", "1", "x", 1, "")).getvalue())
    with pytest.raises(CommandError, match="1 rows were left out"):
        command(path)
    with pytest.raises(CommandError, match="no supplier has the code 'Z'"):
        command(path, "--supplier", "Z")
    with pytest.raises(CommandError, match=r"missing\.xlsx"):
        command(tmp_path / "missing.xlsx")


# --- the demo -----------------------------------------------------------------------------------------------
def test_a_week_old_demo_still_has_fresh_offers():
    assert demo.fill() > 5_000
    assert demo.fill() == 0
    assert demo.freshen(now() + timedelta(days=7)) == Offer.objects.count()
    assert demo.freshen(now() + timedelta(days=7, hours=1)) == 0


def test_the_demo_is_for_development_only():
    with pytest.raises(CommandError, match="DEBUG=1 only"):
        call_command("demo_cross_dock")
