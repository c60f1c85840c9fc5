"""The pages under /licences/."""

import re
import zlib
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from ims.accounts.models import User
from ims.lib import pdf_fonts
from licensing import ledger, runs
from licensing.models import Allotment, Attachment, BillOfEntry, BOERow, ImportItem, License, SyncRun
from licensing.tasks import queue_sync
from scheduling.testing import drain

pytestmark = [pytest.mark.django_db, pytest.mark.once]
LIST = "/licences/"
PAGES = ["", "cover/", "quality/", "sync/", "allotments/", "bills/"]


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def page(client, manager):
    """A signed-in licence manager."""
    client.force_login(manager)
    return client


def text_of(answer, status: int = 200) -> str:
    assert answer.status_code == status, answer
    return answer.content.decode()


@pytest.mark.parametrize("address", PAGES)
def test_a_reader_looks_and_a_stranger_does_not(client, reader, stranger, address):
    assert client.get(LIST + address).status_code == 302
    client.force_login(stranger)
    assert client.get(LIST + address).status_code == 403
    client.force_login(reader)
    assert client.get(LIST + address).status_code == 200


@pytest.mark.parametrize("name", ["import-upload", "allotment-new", "boe-new"])
def test_only_managers_may_write(client, reader, name):
    client.force_login(reader)
    assert client.get(reverse(f"licensing:{name}")).status_code == 403
    assert client.post(reverse(f"licensing:{name}")).status_code == 403
    assert client.post(reverse("licensing:sync-start")).status_code == 403


def test_an_empty_list_says_what_to_do(page):
    assert "No licences yet" in text_of(page.get(LIST))


def test_a_search_without_a_hit_offers_all(page, licence):
    licence()
    assert "Show all licences" in text_of(page.get(f"{LIST}?q=nothing"))


def test_the_list_shows_balances_totals_and_states(page, licence, today):
    licence("GOOD", credit="1234.50")
    licence("SOON", expiry_date=today + timedelta(days=5))
    licence("LAST-DAY", expiry_date=today)
    licence("TOMORROW", expiry_date=today + timedelta(days=1))
    text = text_of(page.get(LIST))
    assert "1,234.50" in text
    assert "4 licences, together 31,234.50 USD" in text
    assert "5 days left" in text
    assert ">1 day left" in text
    assert "Expires today" in text


def test_a_licence_that_expired_since_the_last_sync_is_shown_as_expired(page, licence, today):
    """The date counts, not the mark that the night's sync sets."""
    License.objects.filter(pk=licence().pk).update(expiry_date=today - timedelta(days=1))
    assert not License.objects.get().is_expired
    assert 'data-state="wait">Expired' in text_of(page.get(LIST))


@pytest.mark.parametrize("count", [1, 40])
def test_the_list_takes_the_same_queries(page, licence, count, django_assert_num_queries):
    for number in range(count):
        licence(f"L-{number}")
    with django_assert_num_queries(9):
        page.get(LIST)


def test_a_licence_shows_items_ledger_history_and_papers(page, item, today, manager):
    boe = BillOfEntry.objects.create(number="77", date=today)
    BOERow.objects.create(bill_of_entry=boe, item=item, qty=3, cif_fc=2500)
    text = text_of(page.get(item.license.get_absolute_url()))
    assert "BOE 77, item 1" in text
    assert "7,500.00" in text
    assert "997" in text
    assert "BOE row" in text
    assert "No papers yet." in text


def test_on_a_phone_each_figure_keeps_its_heading_and_with_it_its_unit(page, item):
    for address in (LIST, item.license.get_absolute_url()):
        text = text_of(page.get(address))
        labels = set(re.findall(r'data-label="([^"]+)"', text))
        assert labels
        assert labels - set(re.findall(r"<th[^>]*>([^<]+)</th>", text)) == set()


def shown_history(page, licence: License) -> str:
    text = text_of(page.get(licence.get_absolute_url()))
    return unescape(re.sub(r"<[^>]+>", " ", text.partition('id="history"')[2]))


def test_the_history_tells_each_change_from_what_to_what(page, item, manager):
    User.objects.filter(pk=manager.pk).update(first_name="Asha", last_name="Patel")
    with ledger.changes(user=manager):
        item.quantity, item.description, item.is_restricted = Decimal("1250.5"), "Sugar", True
        item.save()
    with ledger.changes(user=manager):
        item.description = ""
        item.save()
    history = shown_history(page, item.license)
    assert "description: Sugar → —" in history
    assert "description: — → Sugar; quantity: 1,000 → 1,250.5; is restricted: no → yes" in history
    assert "Asha Patel" in history


def test_the_history_tells_what_a_row_held_that_came_and_went(page, item, today):
    boe = BillOfEntry.objects.create(number="77", date=today)
    row = BOERow.objects.create(bill_of_entry=boe, item=item, qty=3, cif_fc=2500)
    name = f"BOE row {row.pk}"
    row.delete()
    history = shown_history(page, item.license)
    held = "bill of entry: BOE 77; item: L-1 item 1; transaction type: Debit; quantity: 3; CIF: 2,500.00"
    assert f"{name} added: {held}" in history
    assert f"{name} deleted: {held}" in history
    boe.delete()
    assert "bill of entry: " in shown_history(page, item.license)


def test_an_overdrawn_licence_says_by_how_much(page, item, today):
    boe = BillOfEntry.objects.create(number="77", date=today)
    BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=12_500)
    assert "Overdrawn by 2,500.00 USD." in text_of(page.get(item.license.get_absolute_url()))


@pytest.mark.parametrize("count", [1, 30])
def test_a_licence_takes_the_same_queries_however_long_its_ledger(
    page, item, today, count, django_assert_num_queries
):
    boe = BillOfEntry.objects.create(number="77", date=today)
    BOERow.objects.bulk_create(BOERow(bill_of_entry=boe, item=item, cif_fc=1) for _ in range(count))
    with django_assert_num_queries(13):
        page.get(item.license.get_absolute_url())


def test_the_ledger_is_a_pdf_with_its_entries(page, licence):
    made = licence(exporter="Malabar & <Sons>")
    answer = page.get(reverse("licensing:ledger-pdf", args=[made.pk]))
    assert answer.content.startswith(b"%PDF-")
    assert "attachment" in answer["Content-Disposition"]


def test_the_ledger_shows_names_in_any_script(page, licence):
    name = "Жанна & <Łódź> Ωμέγα ₹ हिन्दी"
    made = licence(exporter=name)
    answer = page.get(reverse("licensing:ledger-pdf", args=[made.pk]))
    assert embedded_letters(answer.content) >= set(name)
    assert all(pdf_fonts.FACES[pdf_fonts.face_of(letter)](letter) for letter in name + "漢字 한국")


def embedded_letters(pdf: bytes) -> set[str]:
    """What the faces inside of a PDF are used for, by their own maps to Unicode."""
    streams = re.findall(
        rb"/Filter \[ /FlateDecode \] /Length \d+\s*>>\s*stream\r?\n(.*?)endstream", pdf, re.S
    )
    maps = [text for text in map(zlib.decompress, streams) if b"begincmap" in text]
    codes = [code for text in maps for code in re.findall(rb"^<\w\w> <(\w{4})>$", text, re.M)]
    return {chr(int(code, 16)) for code in codes}


# --- cover and allotting --------------------------------------------------------------------------------
def test_the_cover_leads_to_an_allotment_with_its_quantities(page, licence):
    made = licence(items=[{"hs_code": "1701", "quantity": 300}]).import_items.get()
    text = text_of(page.get(f"{LIST}cover/?hs_code=1701&quantity=250&unit_value=2"))
    assert "250 kg of HS code 1701 are covered" in text
    form = text_of(
        page.get(f"{LIST}allotments/new/?item={made.pk}&qty-{made.pk}=250.000&cif-{made.pk}=500.00")
    )
    assert 'value="250.000"' in form
    assert 'value="500.00"' in form


def test_quantities_of_different_units_are_not_added_together(page, licence):
    licence("L-1", items=[{"hs_code": "1701", "quantity": 300, "unit": "KG"}])
    licence("L-2", items=[{"hs_code": "1701", "quantity": 500, "unit": "pcs"}])
    licence("L-3", items=[{"hs_code": "1701", "quantity": 100, "unit": "kg"}])
    text = text_of(page.get(f"{LIST}cover/?hs_code=17&quantity=500"))
    assert "400 kg of HS code 17 are covered, 100 kg are missing" in text
    assert "500 pcs of HS code 17 are covered" in text
    text = text_of(page.get(f"{LIST}cover/?hs_code=17&quantity=500&unit=pcs"))
    assert "500 pcs of HS code 17 are covered" in text
    assert "are missing" not in text


def test_what_nothing_covers_is_said_with_its_code(page):
    text = text_of(page.get(f"{LIST}cover/?hs_code=17&quantity=500&unit=kg"))
    assert "Nothing covers 500 kg of HS code 17" in text


def test_an_allotment_that_reserves_nothing_says_so(page):
    made = Allotment.objects.create(company="A")
    text = text_of(page.get(made.get_absolute_url()))
    assert "It reserves nothing" in text
    assert "<table" not in text


def test_a_question_that_is_wrong_names_its_field(page):
    assert "greater than or equal to 0.001" in text_of(page.get(f"{LIST}cover/?hs_code=1701&quantity=0"))


def reserve(page, item: ImportItem, qty: str, cif: str, **more: str):
    body = {"company": "Sweet Imports", f"item-{item.pk}-qty": qty, f"item-{item.pk}-cif_fc": cif, **more}
    return page.post(f"{LIST}allotments/new/?item={item.pk}", body)


def test_an_allotment_is_reserved_booked_and_shown(page, item):
    answer = reserve(page, item, "100", "4000")
    allotment = Allotment.objects.get()
    assert answer["Location"] == allotment.get_absolute_url()
    shown = text_of(page.get(allotment.get_absolute_url()))
    assert "Reserved" in shown
    assert "<dd>100 kg</dd>" in shown
    booked = page.post(
        reverse("licensing:book", args=[allotment.pk]),
        {"number": "77", "date": "2026-11-01", "exchange_rate": "84"},
        follow=True,
    )
    assert "336,000.00" in text_of(booked)
    assert "Came in" in text_of(page.get(allotment.get_absolute_url()))
    assert "Came in" in text_of(page.get(f"{LIST}allotments/"))
    assert "No allotment fits" in text_of(page.get(f"{LIST}allotments/?open=1"))
    assert License.objects.get().balance_cif == 6000


def test_what_exceeds_is_refused_at_its_line(page, item):
    text = text_of(reserve(page, item, "1000.001", "1"), status=400)
    assert "has 1,000.000 kg left, not 1,000.001" in text
    assert not Allotment.objects.exists()


def test_a_bill_of_entry_is_booked_from_an_item(page, item):
    body = {"number": "78", "date": "2026-11-02", "exchange_rate": "80", "company": "A"}
    address = f"{LIST}bills/new/?item={item.pk}"
    beyond = page.post(address, {**body, f"item-{item.pk}-qty": "1", f"item-{item.pk}-cif_fc": "10000.01"})
    assert "has 10,000.00 USD left, not 10,000.01" in text_of(beyond, status=400)
    within = {**body, f"item-{item.pk}-qty": "10", f"item-{item.pk}-cif_fc": "400", "send_once": "1"}
    assert "32,000.00" in text_of(page.post(address, within, follow=True))
    assert "It was sent already" in text_of(page.post(address, within, follow=True))
    assert License.objects.get().balance_cif == 9600


def test_a_bill_of_entry_without_items_says_where_to_choose(page):
    assert "Choose what was debited first" in text_of(page.get(f"{LIST}bills/new/"))


def test_an_allotment_without_items_says_where_to_choose(page):
    assert "Choose what to reserve first" in text_of(page.get(f"{LIST}allotments/new/"))


def test_a_released_allotment_frees_its_credit(page, item):
    reserve(page, item, "1", "400")
    page.post(reverse("licensing:release", args=[Allotment.objects.get().pk]))
    assert License.objects.get().balance_cif == 10000


@pytest.mark.parametrize("text", ["sweet", "INV-1", "1234", "L-1"])
def test_allotments_are_searched_and_narrowed_to_those_still_reserved(page, item, text):
    made = Allotment.objects.create(company="Sweet Imports", invoice="INV-1", hs_code="1234")
    made.items.create(item=item, qty=1, cif_fc=1)
    Allotment.objects.create(company="Other", invoice="X")
    shown = text_of(page.get(f"{LIST}allotments/", {"q": text, "open": "1"}))
    assert made.company in shown
    assert "Other" not in shown
    BillOfEntry.objects.create(number="77", date="2026-11-01").allotments.add(made)
    assert "No allotment fits" in text_of(page.get(f"{LIST}allotments/", {"q": text, "open": "1"}))


@pytest.mark.parametrize("text", ["771", "sweet", "L-1"])
def test_bills_of_entry_are_searched_and_name_each_licence_once(page, item, text):
    boe = BillOfEntry.objects.create(number="7712", date="2026-11-01", company="Sweet Imports")
    for cif in (100, 250):
        BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=cif)
    BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=1000, transaction_type="C")
    BillOfEntry.objects.create(number="8800", date="2026-11-01")
    shown = text_of(page.get(f"{LIST}bills/", {"q": text}))
    assert shown.count(">L-1<") == 1
    assert "350.00" in shown
    assert "8800" not in shown
    assert "No bill of entry fits" in text_of(page.get(f"{LIST}bills/", {"q": "nothing"}))


# --- doubtful data --------------------------------------------------------------------------------------
def test_clean_data_is_said_to_be_clean(page, licence):
    licence()
    assert "Nothing is doubtful" in text_of(page.get(f"{LIST}quality/"))


def test_doubtful_data_is_listed_with_its_cure(page, licence, today):
    made = licence(
        expiry_date=None, items=[{"hs_code": "", "is_restricted": True, "quantity": 1}], credit="100"
    )
    boe = BillOfEntry.objects.create(number="77", date=today)
    BOERow.objects.create(bill_of_entry=boe, item=made.import_items.get(), qty=2, cif_fc=150)
    BillOfEntry.objects.create(number="78", date=today)
    Allotment.objects.create(company="A")
    text = text_of(page.get(f"{LIST}quality/"))
    for title in (
        "Overdrawn licences",
        "Items with more taken than they hold",
        "Licences without an expiry date",
        "Import items without an HS code",
        "Restricted items without a percentage",
        "Allotments that reserve nothing",
        "Bills of entry without rows",
    ):
        assert title in text
    assert "L-1: 50.00 USD" in text


# --- the sync -------------------------------------------------------------------------------------------
def test_a_sync_is_started_watched_and_reported(page, licence):
    licence()
    License.objects.update(balance_cif=1)
    assert "No sync has run yet" in text_of(page.get(f"{LIST}sync/"))
    text = text_of(page.post(f"{LIST}sync/start/", follow=True))
    assert "Waiting for a worker" in text
    assert 'hx-trigger="ims:tick from:body"' in text
    drain()
    text = text_of(page.get(f"{LIST}sync/"))
    assert "L-1: 1.00 → 10,000.00" in text
    assert "hx-trigger" not in text_of(page.get(f"{LIST}sync/", headers={"HX-Request": "true"}))


def test_only_looking_writes_nothing(page, licence):
    licence()
    License.objects.update(balance_cif=1)
    page.post(f"{LIST}sync/start/", {"dry": "1"})
    drain()
    assert "What a sync would change" in text_of(page.get(f"{LIST}sync/"))
    assert License.objects.get().balance_cif == 1


def test_a_running_sync_shows_how_far_it_is_and_can_be_stopped(page, manager, licence):
    run = queue_sync(manager)
    SyncRun.objects.filter(pk=run.pk).update(started_at=run.created_at, done=25, total=100)
    text = text_of(page.get(f"{LIST}sync/"))
    assert "25%" in text
    assert "25 of 100 licences" in text
    page.post(f"{LIST}sync/cancel/")
    assert runs.stage_of(runs.latest())["stage"] == "stalled"
    text = text_of(page.get(f"{LIST}sync/"))
    assert "did not end" in text
    assert "no worker is running: tell your administrator" in text
    assert "qcluster" not in text
    assert "/console/" not in text


# --- papers ---------------------------------------------------------------------------------------------
def attach(page, licence: License, content: bytes, name: str = "scan.pdf"):
    file = SimpleUploadedFile(name, content)
    return page.post(reverse("licensing:attach", args=["licence", licence.pk]), {"file": file}, follow=True)


def test_a_paper_is_kept_fetched_and_removed(page, licence, tmp_path, django_capture_on_commit_callbacks):
    made = licence()
    assert "scan.pdf" in text_of(attach(page, made, b"%PDF-1.7 paper"))
    kept = Attachment.objects.get()
    answer = page.get(kept.get_absolute_url())
    assert b"".join(answer.streaming_content) == b"%PDF-1.7 paper"
    assert answer["Content-Type"] == "application/pdf"
    assert "scan" not in kept.file.name
    with django_capture_on_commit_callbacks(execute=True):
        page.post(reverse("licensing:attachment-remove", args=[kept.pk]))
    assert not Attachment.objects.exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"<html>", b"MZ\x90\x00", b"PK\x03\x04"])
def test_what_is_no_paper_is_refused_whatever_its_name(page, licence, content):
    assert "neither a PDF nor a PNG or JPEG" in text_of(attach(page, licence(), content))
    assert not Attachment.objects.exists()


def test_a_bill_of_entry_has_papers_too(page, today):
    boe = BillOfEntry.objects.create(number="77", date=today)
    file = BytesIO(b"%PDF-1.7")
    file.name = "boe.pdf"
    page.post(reverse("licensing:attach", args=["boe", boe.pk]), {"file": file})
    assert "boe.pdf" in text_of(page.get(boe.get_absolute_url()))


def test_papers_are_for_those_who_may_look(client, page, licence, stranger):
    attach(page, licence(), b"%PDF-1.7")
    client.force_login(stranger)
    assert client.get(Attachment.objects.get().get_absolute_url()).status_code == 403


def test_the_home_page_tells_how_licences_are(page, licence):
    licence(expiry_date=date(2099, 1, 1))
    assert "Licences" in text_of(page.get("/"))
