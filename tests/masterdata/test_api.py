"""/api/masterdata/: what it answers, to whom, and how it refuses."""

from decimal import Decimal

import pytest

from masterdata import tasks
from masterdata.models import GoogleDriveSettings, PackingSlip, Parcel, Product
from scheduling.testing import assert_enqueued, enqueued

pytestmark = pytest.mark.django_db
SCHEDULER = "/api/masterdata/tracking/scheduler/"
UPDATE = "/api/masterdata/tracking/update/"
SLIPS = "/api/masterdata/packing-slips/"
PRODUCTS = "/api/masterdata/products/"


# --- who may ask --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", [SCHEDULER, SLIPS, PRODUCTS])
def test_without_a_token_nothing_is_shown(anonymous_api, address):
    assert anonymous_api.get(address).status_code == 401


@pytest.mark.parametrize("address", [SCHEDULER, UPDATE, SLIPS, PRODUCTS])
def test_without_a_token_nothing_is_done(anonymous_api, address):
    assert anonymous_api.post(address, {}, format="json").status_code == 401


@pytest.mark.parametrize("address", [SCHEDULER, SLIPS, PRODUCTS])
def test_any_staff_role_may_look(api, reader, address):
    assert api(reader).get(address).status_code == 200


@pytest.mark.parametrize("address", [SCHEDULER, SLIPS, PRODUCTS])
def test_a_stranger_may_not_look(api, stranger, address):
    assert api(stranger).get(address).status_code == 403


@pytest.mark.parametrize("address", [SCHEDULER, UPDATE, SLIPS, PRODUCTS])
def test_a_reader_may_not_act(api, reader, address):
    assert api(reader).post(address, {"action": "stop"}, format="json").status_code == 403


def test_the_operator_runs_the_scheduler_but_enters_no_orders(api, operator):
    client = api(operator)
    assert client.post(SCHEDULER, {"action": "stop"}, format="json").status_code == 200
    assert client.post(SLIPS, {"order_id": "A-1"}, format="json").status_code == 403


def test_a_reader_may_ask_for_the_status_by_post(api, reader):
    assert api(reader).post(SCHEDULER, {"action": "status"}, format="json").status_code == 200


def test_a_reader_may_not_ask_track123(api, reader, shipped):
    assert api(reader).get(f"{SLIPS}{shipped().pk}/fetch-tracking-status/").status_code == 403


# --- the scheduler ------------------------------------------------------------------------------------------
def test_starting_says_how_often(api, operations):
    answer = api(operations).post(SCHEDULER, {"action": "start"}, format="json")
    assert answer.json()["message"] == "Scheduled tracking updates every 720 minutes (12 hours)"
    assert answer.json()["schedule_id"]


def test_the_status_is_plain_json(api, operations):
    client = api(operations)
    client.post(SCHEDULER, {"action": "start", "interval": 60}, format="json")
    status = client.post(SCHEDULER, {"action": "status"}, format="json").json()
    (row,) = status["schedules"]
    assert (status["active"], row["name"], row["interval_minutes"]) == (True, "tracking_status_updater", 60)
    assert (row["repeats"], row["task_count"]) == ("Indefinitely", 0)


def test_a_new_interval_takes_effect_on_a_running_schedule(api, operations):
    client = api(operations)
    for interval in (720, 90):
        client.post(SCHEDULER, {"action": "start", "interval": interval}, format="json")
    assert client.get(SCHEDULER).json()["schedules"][0]["interval_minutes"] == 90


def test_stopping_twice_is_no_error(api, operations):
    client = api(operations)
    for _ in range(2):
        answer = client.post(SCHEDULER, {"action": "stop"}, format="json")
        assert answer.json() == {"success": True, "message": "Tracking updates stopped"}
    assert client.get(SCHEDULER).json() == {"success": True, "active": False, "schedules": []}


def test_run_now_queues_a_job(api, operations):
    answer = api(operations).post(SCHEDULER, {"action": "run_now"}, format="json")
    assert (answer.status_code, answer.json()["message"]) == (202, "Tracking update queued")
    assert_enqueued(tasks.update_all_pending_orders)


@pytest.mark.parametrize("body", [{}, {"action": "explode"}, {"action": None}, [], "start"])
def test_an_unknown_action_is_named(api, operations, body):
    answer = api(operations).post(SCHEDULER, body, format="json")
    assert answer.status_code == 400
    assert "action" in answer.json()["error"]


@pytest.mark.parametrize("interval", [0, -5, 1.5, True, "60", 32768, []])
def test_a_bad_interval_is_named(api, operations, interval):
    answer = api(operations).post(SCHEDULER, {"action": "start", "interval": interval}, format="json")
    assert answer.status_code == 400
    assert "interval" in answer.json()["error"]


# --- updates ------------------------------------------------------------------------------------------------
def test_one_packing_slip_is_updated_within_the_request(api, operations, vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    answer = api(operations).post(UPDATE, {"packing_slip_id": shipped().pk}, format="json")
    assert (answer.status_code, answer.json()["new_status"]) == (200, "Delivered")


def test_one_order_is_updated_by_its_id(api, operations, vendor, shipped):
    vendor.add("TN1", "IN_TRANSIT")
    shipped(order_id="A-9")
    answer = api(operations).post(UPDATE, {"order_id": "A-9"}, format="json").json()
    assert (answer["order_id"], answer["new_status"], answer["is_delivered"]) == ("A-9", "In Transit", False)


def test_an_order_of_several_slips_gives_one_result_each(api, operations, vendor, shipped):
    vendor.add("TN1", "IN_TRANSIT")
    vendor.add("TN2", "DELIVERED")
    shipped("TN1")
    shipped("TN2")
    answer = api(operations).post(UPDATE, {"order_id": "A-1"}, format="json").json()
    assert (answer["success"], answer["order_id"]) == (True, "A-1")
    assert [result["new_status"] for result in answer["results"]] == ["In Transit", "Delivered"]


def test_an_empty_body_queues_all_that_are_due(api, operations, shipped):
    shipped("TN1")
    shipped("TN2")
    answer = api(operations).post(UPDATE, {}, format="json")
    assert answer.status_code == 202
    assert answer.json()["message"] == "Queued tracking updates for 2 orders"
    assert (answer.json()["queued"], bool(answer.json()["job_id"])) == (2, True)


@pytest.mark.parametrize("body", [{"order_id": "nowhere"}, {"packing_slip_id": 4711}])
def test_what_is_unknown_is_404(api, operations, body):
    answer = api(operations).post(UPDATE, body, format="json")
    assert (answer.status_code, answer.json()["success"]) == (404, False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"packing_slip_id": "42"}, "packing_slip_id"),
        ({"packing_slip_id": True}, "packing_slip_id"),
        ({"packing_slip_id": 0}, "packing_slip_id"),
        ({"packing_slip_id": 10**30}, "packing_slip_id"),
        ({"packing_slip_id": None}, "packing_slip_id"),
        ({"order_id": ""}, "order_id"),
        ({"order_id": ["A-1"]}, "order_id"),
        ({"order_id": "A-1", "packing_slip_id": 1}, "packing_slip_id"),
        ({"slip": 1}, "slip"),
    ],
)
def test_a_wrong_field_is_named(api, operations, body, field):
    answer = api(operations).post(UPDATE, body, format="json")
    assert answer.status_code == 400
    assert field in answer.json()["error"]
    assert field in answer.json()["fields"]


@pytest.mark.parametrize("body", ["{", "[1]", '"A-1"', ""])
def test_a_body_that_is_no_json_object_is_refused(api, operations, body):
    answer = api(operations).post(UPDATE, body, content_type="application/json")
    assert answer.status_code == (400 if body else 202)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("slash", ["/", ""])
def test_the_status_is_fetched_by_get_and_post_with_and_without_a_slash(
    api, operations, vendor, shipped, method, slash
):
    vendor.add("TN1", "IN_TRANSIT")
    ask = getattr(api(operations), method)
    assert ask(f"{SLIPS}{shipped().pk}/fetch-tracking-status{slash}").json()["new_status"] == "In Transit"


# --- packing slips and products -----------------------------------------------------------------------------
def test_a_new_slip_registers_its_numbers_in_the_background(api, operations):
    body = {"order_id": "A-1", "tracking_ids": "TN1, TN2", "tracking_vendor": "FedEx"}
    answer = api(operations).post(SLIPS, body, format="json")
    assert answer.status_code == 201, answer.json()
    assert answer.json()["tracking_vendor"] == "fedex"
    assert list(Parcel.objects.values_list("number", "courier_code")) == [("TN1", "fedex"), ("TN2", "fedex")]
    assert_enqueued(tasks.register_parcels, packing_slip_id=answer.json()["id"])


def test_a_change_without_new_numbers_registers_nothing(api, operations, vendor, shipped):
    slip = shipped()
    client = api(operations)
    client.patch(f"{SLIPS}{slip.pk}/", {"tracking_ids": "TN1"}, format="json")
    tasks.register_parcels(packing_slip_id=slip.pk)
    before = len(enqueued(tasks.register_parcels))
    client.patch(f"{SLIPS}{slip.pk}/", {"quantity": 3}, format="json")
    assert len(enqueued(tasks.register_parcels)) == before


def test_a_change_writes_its_own_fields_alone(api, operations, shipped):
    slip = shipped()
    client = api(operations)
    PackingSlip.objects.filter(pk=slip.pk).update(tracking_status="In Transit")
    answer = client.patch(f"{SLIPS}{slip.pk}/", {"quantity": 3}, format="json")
    assert (answer.json()["quantity"], answer.json()["tracking_status"]) == (3, "In Transit")


def test_profit_and_fee_follow_the_formulas(api, operations):
    body = {
        "order_id": "A-1",
        "sales_price": "10.05",
        "shipping_price": "4.00",
        "item_cost": "3.00",
        "shipping_cost": "2.00",
        "platform_fee_percent": "10",
    }
    answer = api(operations).post(SLIPS, body, format="json").json()
    assert (answer["platform_fee"], answer["profit"]) == ("1.01", "8.04")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("order_id", ""),
        ("quantity", 0),
        ("sales_price", "-1"),
        ("platform_fee_percent", "101"),
        ("status", "lost"),
        ("tracking_ids", "x" * 65),
        ("product", 4711),
    ],
)
def test_a_wrong_value_of_a_slip_is_named(api, operations, field, value):
    answer = api(operations).post(SLIPS, {"order_id": "A-1", field: value}, format="json")
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]


@pytest.mark.parametrize(
    ("query", "found"),
    [("status=shipped", 2), ("vendor=UPS", 1), ("q=lindqvist", 1), ("q=tn2", 1), ("q=A-", 3), ("q=none", 0)],
)
def test_slips_are_found_by_status_vendor_and_text(api, reader, shipped, query, found):
    shipped("TN1", ship_to="Maya Lindqvist")
    shipped("TN2", order_id="A-2", tracking_vendor="ups", ship_to="Tom")
    shipped("", order_id="A-3", status="new_order", ship_to="Sam")
    assert api(reader).get(f"{SLIPS}?{query}").json()["count"] == found


def test_an_unknown_status_in_the_filter_is_named(api, reader):
    answer = api(reader).get(f"{SLIPS}?status=lost")
    assert answer.status_code == 400
    assert "status" in answer.json()["error"]["fields"]


def test_the_detail_tells_the_story_of_each_parcel(api, operations, vendor, shipped):
    vendor.add("TN1", "IN_TRANSIT")
    slip = shipped()
    client = api(operations)
    client.post(UPDATE, {"packing_slip_id": slip.pk}, format="json")
    (parcel,) = client.get(f"{SLIPS}{slip.pk}/").json()["parcels"]
    assert parcel["status_text"] == "In Transit"
    assert parcel["events"][0]["description"] == "Arrived at facility"


@pytest.mark.parametrize("rows", [1, 60])
def test_the_list_of_slips_takes_the_same_queries(api, reader, shipped, rows, django_assert_max_num_queries):
    for number in range(rows):
        slip = shipped(f"TN{number}", order_id=f"A-{number}")
        Parcel.objects.create(slip=slip, number=f"TN{number}")
    client = api(reader)
    with django_assert_max_num_queries(7):
        client.get(SLIPS)


def test_a_product_on_a_slip_cannot_be_deleted(api, operations, shipped):
    product = Product.objects.create(name="Mug", code="MUG", item_cost=Decimal("3.10"))
    shipped(product=product)
    answer = api(operations).delete(f"{PRODUCTS}{product.pk}/")
    assert answer.status_code == 400
    assert "packing slips" in answer.json()["error"]["message"]


def test_two_products_cannot_share_a_code(api, operations):
    client = api(operations)
    codes = [
        client.post(PRODUCTS, {"name": "Mug", "code": "MUG"}, format="json").status_code for _ in range(2)
    ]
    assert codes == [201, 400]


def test_no_answer_shows_a_secret(api, admin, vendor, shipped):
    GoogleDriveSettings.objects.update(track123_api_key="test-key", service_account_json='{"k": "hidden"}')
    slip = shipped()
    client = api(admin)
    client.post(UPDATE, {"packing_slip_id": slip.pk}, format="json")
    for address in (SLIPS, f"{SLIPS}{slip.pk}/", PRODUCTS, SCHEDULER):
        text = client.get(address).content.decode()
        assert "test-key" not in text
        assert "hidden" not in text
