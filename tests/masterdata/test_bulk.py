"""One change to many shipments, with its count and consequence shown first."""

import pytest
from django.db import connection
from django.urls import reverse
from django.utils.html import escape

from ims.lib.models import AuditLog
from masterdata import bulk, tasks
from masterdata.models import PackingSlip, Parcel
from scheduling.testing import drain, enqueued
from tests.masterdata.many import ship_many

pytestmark = pytest.mark.django_db
BULK, CONFIRM = "/shipments/bulk/", "/shipments/bulk/confirm/"


@pytest.fixture
def page(client, operations):
    client.force_login(operations)
    return client


@pytest.fixture
def three(vendor) -> list[PackingSlip]:
    return ship_many(vendor, 3)


def confirm(page, change: str, chosen: list[PackingSlip], **more: object):
    ids = ",".join(str(slip.pk) for slip in chosen)
    return page.post(CONFIRM, {"change": change, "slip": ids, "count": len(chosen), **more})


def test_the_question_names_count_and_consequence_and_changes_nothing(page, three):
    answer = page.post(BULK, {"change": "delivered", "slip": [three[0].pk, three[1].pk]})
    text = answer.content.decode()
    assert "Mark as delivered: 2 shipments?" in text
    assert "cannot be undone" in text
    assert not PackingSlip.objects.filter(status="delivered").exists()


def test_confirmed_shipments_are_delivered_and_the_others_are_not(page, three):
    confirm(page, "delivered", three[:2])
    assert PackingSlip.objects.filter(status="delivered", delivered_at__isnull=False).count() == 2


def test_confirmed_shipments_are_followed_no_longer(page, three):
    confirm(page, "stop", three[:2])
    assert PackingSlip.objects.filter(tracking_status="No longer followed").count() == 2
    assert Parcel.objects.filter(unfollowed_at=None).count() == 1


def test_a_corrected_courier_is_registered_anew_in_one_job(page, three):
    confirm(page, "courier", three, courier="ups")
    assert set(Parcel.objects.values_list("courier_code", "registered_at")) == {("ups", None)}
    [job] = enqueued(tasks.register_many)
    assert set(job["slip_ids"]) == {slip.pk for slip in three}


def test_without_a_courier_the_question_comes_again(page, three):
    assert "choose one from the list" in confirm(page, "courier", three).content.decode()
    assert set(PackingSlip.objects.values_list("tracking_vendor", flat=True)) == {"fedex"}


@pytest.mark.django_db(transaction=True)
def test_an_update_is_one_job_for_each_hundred(page, vendor):
    chosen = ship_many(vendor, 101)
    confirm(page, "update", chosen)
    assert [len(each["slip_ids"]) for each in enqueued(tasks.update_many)] == [100, 1]
    drain()
    assert PackingSlip.objects.filter(tracking_status="In Transit").count() == 101


def test_all_that_match_the_filter_are_chosen(page, three, shipped):
    other = shipped("TN9", order_id="B-1")
    everything = {"change": "delivered", "everything": "on", "filter": "q=A-"}
    assert "3 shipments?" in page.post(BULK, everything).content.decode()
    page.post(CONFIRM, {**everything, "count": 3})
    assert PackingSlip.objects.exclude(status="delivered").get() == other


def test_where_more_match_meanwhile_the_question_comes_again(page, three):
    answer = page.post(CONFIRM, {"change": "delivered", "everything": "on", "filter": "", "count": 2})
    assert "3 shipments?" in answer.content.decode()
    assert not PackingSlip.objects.filter(status="delivered").exists()


@pytest.mark.django_db(transaction=True)
def test_a_large_selection_is_one_job(page, vendor):
    ship_many(vendor, 1_100)
    page.post(CONFIRM, {"change": "stop", "everything": "on", "filter": "", "count": 1_100})
    (call,) = enqueued(tasks.change_many)
    assert len(call["slip_ids"]) == 1_100
    drain()
    assert not Parcel.objects.filter(unfollowed_at=None).exists()


def test_the_change_is_in_the_audit_log(page, operations, three):
    confirm(page, "stop", three)
    entry = AuditLog.objects.get(action="shipments.bulk_stop")
    assert (entry.user, entry.after["count"]) == (operations, 3)


@pytest.mark.parametrize(
    "body", [{}, {"change": "explode"}, {"change": "stop"}, {"change": "stop", "slip": "x,-1,²"}]
)
def test_nonsense_leads_back_to_the_list(page, three, body):
    assert page.post(BULK, body).status_code == 302
    assert not Parcel.objects.exclude(unfollowed_at=None).exists()


FILTER = "group=moving&q=A-"
BACK = "/shipments/?group=moving&q=A-"


@pytest.mark.parametrize(
    "body",
    [{"change": "explode"}, {"change": "stop"}, {"change": "stop", "everything": "on", "filter": FILTER}],
)
def test_the_list_stays_filtered_where_nothing_was_chosen(page, three, body):
    PackingSlip.objects.update(order_id="B-1")
    assert page.post(BULK, {"filter": FILTER, **body}).url == BACK


def test_the_list_stays_filtered_through_question_and_change(page, three):
    body = {"change": "stop", "slip": three[0].pk, "filter": FILTER}
    asked = page.post(BULK, body)
    assert asked.content.decode().count(f'href="{escape(BACK)}"') == 2  # the way back, and Cancel
    assert asked.context["filter"] == FILTER
    assert confirm(page, "stop", three[:1], filter=FILTER).url == BACK


def test_only_operations_change_many(client, reader, three):
    client.force_login(reader)
    assert client.post(BULK, {"change": "stop", "slip": three[0].pk}).status_code == 403
    assert confirm(client, "stop", three).status_code == 403
    assert 'id="bulk"' not in client.get("/shipments/").content.decode()


def test_the_list_offers_it_in_the_page_and_in_the_fragment(page, three):
    for headers in ({}, {"HTTP_HX_REQUEST": "true"}):
        text = page.get("/shipments/", **headers).content.decode()
        assert 'id="bulk"' in text
        assert "all 3 that match" in text


@pytest.mark.parametrize("change", ["stop_following", "mark_delivered", "correct_courier"])
def test_the_admins_actions_ask_the_same_question(client, admin, three, change):
    client.force_login(admin)
    body = {"action": change, "_selected_action": [slip.pk for slip in three]}
    answer = client.post(reverse("admin:masterdata_packingslip_changelist"), body)
    assert "3 shipments?" in answer.content.decode()


def test_what_is_delivered_is_left_alone(three):
    PackingSlip.objects.update(status="delivered")
    assert [bulk.change(name, [slip.pk for slip in three], "ups") for name in bulk.CHANGES] == [[], [], []]


@pytest.fixture
def no_queue():
    """Nothing can be queued, as if the process died just then."""

    def refuse(execute, sql, params, many, context):
        if "INSERT" in sql and "django_q_ormq" in sql:
            raise RuntimeError("died")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.usefixtures("no_queue")
@pytest.mark.parametrize("way", ["many", "one"])
def test_a_courier_whose_registration_is_not_queued_is_not_corrected(page, three, way):
    """Else Track123 would never hear of its numbers."""
    slip = three[0]
    one = reverse("masterdata:change-one", args=[slip.pk, "courier"])
    with pytest.raises(RuntimeError):
        page.post(one, {"courier": "ups"}) if way == "one" else tasks.change_now("courier", [slip.pk], "ups")
    slip.refresh_from_db()
    assert slip.tracking_vendor == "fedex"
