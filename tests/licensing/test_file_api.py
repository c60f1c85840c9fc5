"""Papers and spreadsheets over REST."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from ims.imports.uploads import HERE_AND_NOW, state_of
from ims.lib.models import AuditLog
from licensing.file_api import ImportSerializer
from licensing.models import Attachment, BillOfEntry, License, SheetImport
from scheduling.testing import drain
from tests.licensing.test_import import LICENCES, TWO, everything, workbook

pytestmark = pytest.mark.django_db
ATTACHMENTS = "/api/licensing/attachments/"
IMPORTS = "/api/licensing/imports/"
EXPORTS = "/api/licensing/exports/"
PAPER = b"%PDF-1.7 paper"


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def desk(api, manager):
    """The manager's client."""
    return api(manager)


def attach(desk, content: bytes = PAPER, **of: object):
    return desk.post(ATTACHMENTS, {"file": SimpleUploadedFile("scan.pdf", content), **of}, format="multipart")


def send(desk, *rows: tuple, kind: str = "licences"):
    return desk.post(IMPORTS, {"kind": kind, "file": workbook(LICENCES, *rows)}, format="multipart")


# --- papers ---------------------------------------------------------------------------------------------
def test_a_paper_is_attached_listed_fetched_and_removed(
    desk, licence, tmp_path, django_capture_on_commit_callbacks
):
    made = licence()
    kept = attach(desk, license=made.pk)
    assert kept.status_code == 201, kept.json()
    assert {name: kept.json()[name] for name in ("license", "bill_of_entry", "name", "user")} == {
        "license": made.pk, "bill_of_entry": None, "name": "scan.pdf", "user": "manager",
    }  # fmt: skip
    address = f"{ATTACHMENTS}{kept.json()['id']}/"
    assert desk.get(f"{ATTACHMENTS}?license={made.pk}").json()["results"] == [kept.json()]
    assert desk.get(f"{ATTACHMENTS}?license={made.pk + 1}").json()["count"] == 0
    assert b"".join(desk.get(f"{address}file/").streaming_content) == PAPER
    with django_capture_on_commit_callbacks(execute=True):
        assert desk.delete(address).status_code == 204
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    actions = AuditLog.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["licences.attach", "licences.detach"]


@pytest.mark.parametrize("way", ["admin", "api"])
def test_papers_go_with_their_licence(
    desk, client, admin, licence, tmp_path, way, django_capture_on_commit_callbacks
):
    made = licence(items=[])
    attach(desk, license=made.pk)
    client.force_login(admin)
    with django_capture_on_commit_callbacks(execute=True):
        if way == "admin":
            client.post(reverse("admin:licensing_license_delete", args=[made.pk]), {"post": "yes"})
        else:
            assert desk.delete(f"/api/licensing/licenses/{made.pk}/").status_code == 204
    assert not Attachment.objects.exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_papers_go_with_their_bill_of_entry(desk, today, tmp_path, django_capture_on_commit_callbacks):
    boe = BillOfEntry.objects.create(number="77", date=today)
    attach(desk, bill_of_entry=boe.pk)
    with django_capture_on_commit_callbacks(execute=True):
        assert desk.delete(f"/api/licensing/bills-of-entry/{boe.pk}/").status_code == 204
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_bill_of_entry_has_papers_too(desk, today):
    boe = BillOfEntry.objects.create(number="77", date=today)
    assert attach(desk, bill_of_entry=boe.pk).json()["bill_of_entry"] == boe.pk


def test_a_paper_belongs_to_exactly_one(desk, licence, today):
    boe = BillOfEntry.objects.create(number="77", date=today)
    for of in ({}, {"license": licence().pk, "bill_of_entry": boe.pk}):
        answer = attach(desk, **of)
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["license"])


def test_what_is_no_paper_is_refused_with_its_cure(desk, licence):
    answer = attach(desk, b"MZ\x90\x00", license=licence().pk)
    assert answer.status_code == 400
    assert "scan or print it to PDF" in answer.json()["error"]["fields"]["file"][0]
    assert not Attachment.objects.exists()


# --- spreadsheets ---------------------------------------------------------------------------------------
def test_an_upload_is_a_dry_run_that_tells_changes_and_errors(desk, licence):
    licence("L-1", items=[{"quantity": 100}])
    before = everything()
    kept = send(desk, *TWO, ("L-3", "31.02.2027", *[""] * 8))
    assert kept.status_code == 201, kept.json()
    assert everything() == before
    answer = kept.json()
    assert answer["stage"] == "preview"
    assert "quantity 100.000 → 500.000" in answer["report"]["changes"][1]
    assert [(each["row"], each["column"]) for each in answer["report"]["errors"]] == [(6, "Expiry date")]


def test_a_confirmed_upload_is_written_once(desk):
    address = f"{IMPORTS}{send(desk, *TWO).json()['id']}/"
    assert desk.post(f"{address}confirm/").json()["stage"] == "done"
    before = everything()
    assert desk.post(f"{address}confirm/").status_code == 200
    assert everything() == before
    assert License.objects.get(license_number="L-1").balance_cif == 10_000
    assert desk.get(address).json()["report"]["new"] == 4


def test_a_large_upload_runs_in_the_background(desk):
    rows = [(f"L-{number}", *[""] * 9) for number in range(HERE_AND_NOW + 1)]
    address = f"{IMPORTS}{send(desk, *rows).json()['id']}/"
    assert desk.post(f"{address}confirm/").json()["stage"] == "running"
    drain()
    assert desk.get(address).json()["stage"] == "done"
    assert License.objects.count() == len(rows)


def test_a_file_that_is_no_spreadsheet_is_refused(desk):
    file = SimpleUploadedFile("x.xlsx", b"%PDF-1.7")
    answer = desk.post(IMPORTS, {"kind": "licences", "file": file}, format="multipart")
    assert answer.status_code == 400
    assert "not a spreadsheet" in answer.json()["error"]["fields"]["file"][0]
    assert send(desk, *TWO, kind="nonsense").json()["error"]["fields"].keys() == {"kind"}


@pytest.mark.parametrize("kind", ["licences", "boes", "allotments"])
def test_an_export_has_the_columns_of_the_import(desk, licence, kind):
    licence("L-1")
    licence("L-2", credit="0")
    content = b"".join(desk.get(f"{EXPORTS}{kind}.xlsx?state=null").streaming_content)
    lines = list(load_workbook(BytesIO(content)).active.values)
    assert {line[0] for line in lines[1:]} == ({"L-2"} if kind == "licences" else set())


def test_an_export_refuses_an_unknown_filter_with_its_field(desk):
    assert desk.get(f"{EXPORTS}licences.xlsx?state=x").json()["error"]["fields"].keys() == {"state"}
    assert desk.get(f"{EXPORTS}nonsense.xlsx").status_code == 404


# --- who may --------------------------------------------------------------------------------------------
def test_readers_fetch_managers_write_and_strangers_neither(
    api, anonymous_api, reader, stranger, desk, licence
):
    made = licence()
    paper = f"{ATTACHMENTS}{attach(desk, license=made.pk).json()['id']}/"
    for address in (ATTACHMENTS, f"{paper}file/", f"{EXPORTS}boes.xlsx"):
        assert anonymous_api.get(address).status_code == 401
        assert api(stranger).get(address).status_code == 403
        found = api(reader).get(address)
        found.getvalue()  # a file is closed at its end
        assert found.status_code == 200
    assert attach(api(reader), license=made.pk).status_code == 403
    assert api(reader).delete(paper).status_code == 403
    assert api(reader).get(IMPORTS).status_code == 403


def test_anothers_import_is_not_found(api, desk, admin):
    address = f"{IMPORTS}{send(desk, *TWO).json()['id']}/"
    assert api(admin).get(address).status_code == 404
    assert api(admin).post(f"{address}confirm/").status_code == 404
    assert SheetImport.objects.get().confirmed_at is None


def test_the_state_of_an_import_is_looked_at_once(desk, manager):
    answer = send(desk, *((f"L-{number}", *[""] * 9) for number in range(HERE_AND_NOW + 1)))
    desk.post(f"{IMPORTS}{answer.json()['id']}/confirm/")
    kept = SheetImport.objects.get()
    with CaptureQueriesContext(connection) as once:
        state_of(kept)
    with CaptureQueriesContext(connection) as asked:
        assert ImportSerializer(kept).data["stage"] == "running"
    assert len(asked) == len(once) > 0
