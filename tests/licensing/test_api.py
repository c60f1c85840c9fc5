"""/api/licensing/."""

from datetime import timedelta
from decimal import Decimal

import pytest

from licensing.models import Allotment, BillOfEntry, BOERow, ImportItem, License, SyncRun
from licensing.tasks import sync_all_licenses
from scheduling.testing import drain, enqueued

pytestmark = pytest.mark.django_db
LICENSES = "/api/licensing/licenses/"
ALLOTMENTS = "/api/licensing/allotments/"
BOES = "/api/licensing/bills-of-entry/"


@pytest.fixture
def desk(api, manager):
    """The manager's client."""
    return api(manager)


def numbers(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [each["license_number"] for each in answer.json()["results"]]


# --- who may --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "address", [LICENSES, ALLOTMENTS, BOES, "/api/licensing/sync-runs/", "/api/licensing/licenses"]
)
def test_readers_look_managers_act_strangers_neither(
    api, anonymous_api, reader, stranger, operations, address
):
    assert anonymous_api.get(address).status_code == 401
    assert api(stranger).get(address).status_code == 403
    assert api(operations).get(address).status_code == 403
    assert api(reader).get(address).status_code == 200
    assert api(reader).post(address, {}, format="json").status_code == 403


# --- licences -------------------------------------------------------------------------------------------
def test_a_licence_is_entered_with_its_items_and_worked_out(desk):
    made = desk.post(LICENSES, {"license_number": "L-9", "expiry_date": "2020-01-31"}, format="json")
    assert made.status_code == 201, made.json()
    assert (made.json()["is_expired"], made.json()["is_null"]) == (True, True)
    pk = made.json()["id"]
    desk.post("/api/licensing/export-items/", {"license": pk, "cif_fc": "1000.00"}, format="json")
    item = {
        "license": pk,
        "serial": 1,
        "quantity": "5",
        "is_restricted": True,
        "restriction_percentage": "10",
    }
    answer = desk.post("/api/licensing/import-items/", item, format="json")
    assert answer.json()["available_value"] == "100.00"
    whole = desk.get(f"{LICENSES}{pk}/").json()
    assert whole["balance_cif"] == "1000.00"
    assert whole["import_items"][0]["available_quantity"] == "5.000"


def test_figures_cannot_be_written(desk, licence):
    made = licence()
    desk.patch(
        f"{LICENSES}{made.pk}/", {"balance_cif": "1.00", "is_null": True, "port": "INMUN1"}, format="json"
    )
    made.refresh_from_db()
    assert (made.balance_cif, made.is_null, made.port) == (10000, False, "INMUN1")


def test_a_new_expiry_date_is_worked_out_at_once(desk, licence):
    made = licence()
    assert desk.patch(f"{LICENSES}{made.pk}/", {"expiry_date": "2020-01-31"}, format="json").json()[
        "is_expired"
    ]


def test_who_corrected_the_licence_itself_is_on_record_too(desk, licence):
    made = licence(port="INNSA1")
    desk.patch(f"{LICENSES}{made.pk}/", {"port": "INMUN1"}, format="json")
    newest = desk.get(f"{LICENSES}{made.pk}/changes/").json()[0]
    assert (newest["user"], newest["row"]) == ("manager", "licence")
    assert (newest["before"], newest["after"]) == ({"port": "INNSA1"}, {"port": "INMUN1"})


def test_a_number_is_taken_once(desk, licence):
    licence("L-1")
    answer = desk.post(LICENSES, {"license_number": "L-1"}, format="json")
    assert answer.status_code == 400
    assert "license_number" in answer.json()["error"]["fields"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=expiring-30", {"SOON"}),
        ("state=expiring-90", {"SOON", "LATER"}),
        ("state=expired", {"GONE"}),
        ("state=null", {"EMPTY", "OVER"}),
        ("state=overdrawn", {"OVER"}),
        ("state=usable", {"SOON", "LATER"}),
        ("q=lat", {"LATER"}),
        ("q=malabar", {"SOON"}),
        ("q=1701", {"LATER"}),
    ],
)
def test_each_filter_finds_its_licences(desk, licence, today, query, found):
    licence("SOON", expiry_date=today + timedelta(days=30), exporter="Malabar Foods")
    licence("LATER", items=[{"hs_code": "17011490"}], expiry_date=today + timedelta(days=31))
    licence("GONE", expiry_date=today - timedelta(days=1))
    licence("EMPTY", credit="499.99")
    over = licence("OVER", credit="100")
    boe = BillOfEntry.objects.create(number="1", date=today)
    BOERow.objects.create(bill_of_entry=boe, item=over.import_items.get(), cif_fc=101)
    assert set(numbers(desk.get(f"{LICENSES}?{query}"))) == found
    totals = desk.get(f"{LICENSES}totals/?{query}").json()
    assert totals["count"] == len(found)


def test_an_unknown_state_is_refused_with_its_field(desk):
    answer = desk.get(f"{LICENSES}?state=nice")
    assert answer.status_code == 400
    assert "state" in answer.json()["error"]["fields"]


def test_the_ledger_has_a_running_balance_and_ends_at_the_balance(desk, item, today):
    boe = BillOfEntry.objects.create(number="77", date=today)
    BOERow.objects.create(bill_of_entry=boe, item=item, qty=3, cif_fc=Decimal("2500.50"))
    BOERow.objects.create(bill_of_entry=boe, item=item, transaction_type="C", cif_fc=99)
    reserve(desk, item, "10", "400")
    lines = desk.get(f"{LICENSES}{item.license_id}/ledger/").json()
    assert [(line["kind"], line["amount"], line["balance"]) for line in lines] == [
        ("credit", "10000.00", "10000.00"),
        ("note", "0.00", "10000.00"),
        ("debit", "-2500.50", "7499.50"),
        ("allotment", "-400.00", "7099.50"),
    ]
    assert License.objects.get().balance_cif == Decimal("7099.50")


def test_the_history_tells_who_did_it(desk, item, manager):
    reserve(desk, item, "10", "400")
    newest = desk.get(f"{LICENSES}{item.license_id}/changes/").json()[0]
    assert (newest["user"], newest["action"], newest["after"]["cif_fc"]) == ("manager", "added", "400.00")


def test_the_ledger_comes_as_a_pdf(desk, item):
    answer = desk.get(f"{LICENSES}{item.license_id}/ledger.pdf/")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_an_item_that_is_used_cannot_be_deleted(desk, item):
    reserve(desk, item, "1", "1")
    answer = desk.delete(f"/api/licensing/import-items/{item.pk}/")
    assert answer.status_code == 400
    assert "delete those first" in answer.json()["error"]["message"]


def test_rows_of_one_licence_are_listed(desk, licence):
    first = licence("L-1")
    licence("L-2")
    answer = desk.get(f"/api/licensing/import-items/?license={first.pk}")
    assert [each["license"] for each in answer.json()["results"]] == [first.pk]
    assert desk.get("/api/licensing/import-items/?license=x").status_code == 400


@pytest.mark.parametrize("count", [1, 20])
def test_a_list_takes_the_same_queries_however_long(desk, licence, count, django_assert_num_queries):
    for number in range(count):
        licence(f"L-{number}")
    with django_assert_num_queries(5):
        desk.get(LICENSES)


# --- which licences cover it ----------------------------------------------------------------------------
def test_the_licences_that_expire_first_are_used_first(desk, licence, today):
    sugar = {"hs_code": "17011490", "quantity": 300}
    licence("LATE", items=[sugar], expiry_date=today + timedelta(days=200))
    licence("SOON", items=[sugar], expiry_date=today)
    licence("GONE", items=[sugar], expiry_date=today - timedelta(days=1))
    licence("OTHER", items=[{"hs_code": "18050000"}])
    found = desk.get(f"{LICENSES}cover/?hs_code=1701&quantity=500").json()
    assert [(each["license"], each["take"], each["is_enough"]) for each in found["offers"]] == [
        ("SOON", "300.000", False),
        ("LATE", "200.000", False),
    ]
    assert (found["covered"], found["missing"]) == ("500.000", "0.000")


def test_what_is_missing_is_told(desk, licence):
    licence(items=[{"hs_code": "1701", "quantity": 100}])
    found = desk.get(f"{LICENSES}cover/?hs_code=1701&quantity=500").json()
    assert found["missing"] == "400.000"


def test_no_more_is_offered_than_the_dollars_pay_for(desk, licence):
    """10,000 USD at 30 a unit pay for 333.333; the second item draws on the same purse."""
    licence(items=[{"hs_code": "1701"}, {"hs_code": "1701"}])
    found = desk.get(f"{LICENSES}cover/?hs_code=1701&quantity=500&unit_value=30").json()
    assert [each["take"] for each in found["offers"]] == ["333.333"]


@pytest.mark.parametrize(
    "query", ["quantity=5", "hs_code=1701", "hs_code=1701&quantity=0", "hs_code=1&quantity=x"]
)
def test_a_question_without_sense_is_refused(desk, query):
    assert desk.get(f"{LICENSES}cover/?{query}").status_code == 400


# --- reserving and booking ------------------------------------------------------------------------------
def reserve(desk, item: ImportItem, qty: str, cif: str):
    body = {"company": "Sweet Imports", "items": [{"item": item.pk, "qty": qty, "cif_fc": cif}]}
    return desk.post(ALLOTMENTS, body, format="json")


def test_an_allotment_within_the_balance_is_made(desk, item):
    answer = reserve(desk, item, "100.000", "400.00")
    assert answer.status_code == 201, answer.json()
    assert answer.json()["items"][0]["license"] == "L-1"
    assert License.objects.get().balance_cif == 9600


@pytest.mark.parametrize(
    ("qty", "cif", "field"), [("1000.001", "1", "items.0.qty"), ("1", "10000.01", "items.0.cif_fc")]
)
def test_an_allotment_beyond_is_refused_with_field_and_reason(desk, item, qty, cif, field):
    answer = reserve(desk, item, qty, cif)
    assert answer.status_code == 400
    assert "take less, or another licence" in answer.json()["error"]["fields"][field][0]
    assert not Allotment.objects.exists()


@pytest.mark.parametrize(
    "body", [{}, {"company": "A", "items": []}, {"company": "A", "items": [{"item": 1, "qty": "-1"}]}]
)
def test_a_body_without_sense_is_refused(desk, body):
    assert desk.post(ALLOTMENTS, body, format="json").status_code == 400


def test_a_released_allotment_is_gone(desk, item):
    made = reserve(desk, item, "1", "400").json()
    assert desk.delete(f"{ALLOTMENTS}{made['id']}/").status_code == 204
    assert License.objects.get().balance_cif == 10000


def test_booking_an_allotment_debits_it_once(desk, item):
    allotment = reserve(desk, item, "100", "4000").json()["id"]
    body = {"number": "77", "date": "2026-11-01", "exchange_rate": "84.1", "allotments": [allotment]}
    answer = desk.post(BOES, body, format="json")
    assert answer.status_code == 201, answer.json()
    assert answer.json()["rows"][0]["cif_inr"] == "336400.00"
    assert License.objects.get().balance_cif == 6000
    assert desk.delete(f"{ALLOTMENTS}{allotment}/").status_code == 400
    again = desk.post(BOES, body, format="json")
    assert "is on BOE 77 already" in again.json()["error"]["message"]


def test_a_bill_that_is_entered_again_is_not_debited_twice(desk, item):
    rows = [{"item": item.pk, "qty": "1", "cif_fc": "100"}]
    body = {"number": "77", "date": "2026-11-01", "rows": rows}
    assert desk.post(BOES, body, format="json").status_code == 201
    answer = desk.post(BOES, body, format="json")
    assert answer.status_code == 400
    assert "has these rows already" in answer.json()["error"]["fields"]["rows"][0]
    rows.append({"item": item.pk, "qty": "2", "cif_fc": "50"})
    assert desk.post(BOES, body, format="json").status_code == 201
    assert BOERow.objects.count() == 3


def test_rows_beyond_the_balance_are_refused(desk, item):
    rows = [{"item": item.pk, "qty": "1", "cif_fc": "10000.01"}]
    answer = desk.post(BOES, {"number": "77", "date": "2026-11-01", "rows": rows}, format="json")
    assert list(answer.json()["error"]["fields"]) == ["rows.0.cif_fc"]
    assert not BillOfEntry.objects.exists()


def test_a_row_of_a_boe_can_be_corrected_and_deleted(desk, item, today):
    boe = BillOfEntry.objects.create(number="77", date=today)
    row = BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=100)
    desk.patch(f"/api/licensing/boe-rows/{row.pk}/", {"cif_fc": "250.00"}, format="json")
    assert License.objects.get().balance_cif == 9750
    desk.delete(f"/api/licensing/boe-rows/{row.pk}/")
    assert License.objects.get().balance_cif == 10000


@pytest.mark.parametrize(
    ("stored", "corrected", "field"),
    [
        ({"cif_fc": 6000}, {"cif_fc": "10000.00"}, None),
        ({"cif_fc": 6000}, {"cif_fc": "10000.01"}, "cif_fc"),
        ({"qty": 900}, {"qty": "1000.001"}, "qty"),
        ({"cif_fc": 20000, "transaction_type": "C"}, {"transaction_type": "D"}, "cif_fc"),
        ({"cif_fc": 20000}, {"cif_fc": "15000.00"}, None),  # customs' own row; less than it was
        ({"cif_fc": 20000}, {"transaction_type": "C"}, None),
    ],
)
def test_a_correction_beyond_what_is_left_is_refused(desk, item, today, stored, corrected, field):
    boe = BillOfEntry.objects.create(number="77", date=today)
    row = BOERow.objects.create(bill_of_entry=boe, item=item, **stored)
    answer = desk.patch(f"/api/licensing/boe-rows/{row.pk}/", corrected, format="json")
    assert (answer.status_code, list(answer.json().get("error", {}).get("fields", []))) == (
        (400, [field]) if field else (200, [])
    )


def test_a_row_cannot_be_moved_to_a_licence_that_has_not_enough(desk, item, licence, today):
    poor = licence("L-2", credit="10").import_items.get()
    boe = BillOfEntry.objects.create(number="77", date=today)
    row = BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=100)
    answer = desk.patch(f"/api/licensing/boe-rows/{row.pk}/", {"item": poor.pk}, format="json")
    assert "L-2 item 1 has 10.00 USD left" in answer.json()["error"]["fields"]["cif_fc"][0]
    assert License.objects.get(pk=poor.license_id).balance_cif == 10


# --- the sync -------------------------------------------------------------------------------------------
def test_a_sync_is_queued_once_and_can_be_watched(desk, licence):
    licence()
    answer = desk.post(f"{LICENSES}sync/", {"dry_run": True}, format="json")
    assert answer.status_code == 202
    assert desk.post(f"{LICENSES}sync/", {}, format="json").json()["id"] == answer.json()["id"]
    assert enqueued(sync_all_licenses) == [{"run_id": answer.json()["id"]}]
    drain()
    run = desk.get(f"/api/licensing/sync-runs/{answer.json()['id']}/").json()
    assert (run["is_dry"], run["done"], run["report"]["failed"]) == (True, 1, 0)
    assert SyncRun.objects.get().finished_at


def test_a_sum_that_no_figure_can_hold_is_refused_with_its_field(api, manager, licence):
    made = licence(credit="9999999999999.99")
    body = {"license": made.pk, "cif_fc": "1.00"}
    answer = api(manager).post("/api/licensing/export-items/", body, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "too_large"
    assert "cif_fc" in answer.json()["error"]["message"]
    assert made.export_items.count() == 1


def test_rupees_beyond_what_a_row_holds_are_refused_at_the_rate(api, manager, licence, today):
    made = licence(credit="9999999999999.99", items=[{"quantity": 10}])
    row = {"item": made.import_items.get().pk, "qty": "1", "cif_fc": "9999999999999.99"}
    body = {"number": "1", "date": today.isoformat(), "exchange_rate": "99999999", "rows": [row]}
    answer = api(manager).post("/api/licensing/bills-of-entry/", body, format="json")
    assert answer.status_code == 400
    assert "exchange rate" in answer.content.decode()
