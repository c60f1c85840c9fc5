"""The pages under /shipments/."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils.timezone import now

from ims.lib.models import AuditLog
from masterdata import parcels, slips, tasks
from masterdata.models import PackingSlip, Parcel, TrackingRun
from scheduling.testing import assert_enqueued

pytestmark = pytest.mark.django_db
LIST = "/shipments/"


@pytest.fixture
def page(client, operations):
    """A signed-in member of operations."""
    client.force_login(operations)
    return client


def text_of(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def test_without_a_login_the_list_leads_to_the_sign_in_page(client):
    assert client.get(LIST).status_code == 302


def test_a_stranger_is_refused(client, stranger):
    client.force_login(stranger)
    assert client.get(LIST).status_code == 403


def test_a_reader_looks_but_has_no_button(client, reader, shipped):
    slip = shipped()
    client.force_login(reader)
    assert "Update now" not in text_of(client.get(LIST))
    assert "Update now" not in text_of(client.get(slip.get_absolute_url()))
    assert client.post(reverse("masterdata:update-all")).status_code == 403
    assert client.post(reverse("masterdata:update-one", args=[slip.pk])).status_code == 403
    assert client.post(reverse("masterdata:change-one", args=[slip.pk, "stop"])).status_code == 403


def test_an_empty_list_names_the_import_to_who_may_import(page, client, reader):
    text = text_of(page.get(LIST))
    assert "No shipments yet" in text
    assert "Import shipments" in text
    client.force_login(reader)
    assert "Import shipments" not in text_of(client.get(LIST))


def test_what_the_list_counts_are_shipments_as_everywhere_else(page, shipped):
    """An order can have several."""
    shipped("TN1", order_id="A-1")
    shipped("TN2", order_id="A-1")
    assert "2 shipments ·" in text_of(page.get(LIST))


def test_a_search_without_a_hit_offers_all(page, shipped):
    shipped()
    assert "Show all shipments" in text_of(page.get(LIST + "?q=nothing-like-it"))


def test_the_button_names_how_many_orders_it_updates(page, shipped):
    shipped()
    assert "Update 1 shipment now?" in text_of(page.get(LIST))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("group=waiting", "NEW"),
        ("group=moving", "MOVES"),
        ("group=attention", "LOST"),
        ("group=delivered", "DONE"),
        ("status=delivered", "DONE"),
        ("vendor=ups", "MOVES"),
        ("q=tn-lost", "LOST"),
        ("q=okafor", "NEW"),
    ],
)
def test_each_filter_shows_its_orders_alone(page, shipped, query, shown):
    shipped("", order_id="NEW", status="new_order", ship_to="Tom Okafor")
    parcel(shipped("TN-MOVES", order_id="MOVES", tracking_vendor="ups"), status="IN_TRANSIT")
    parcel(shipped("TN-LOST", order_id="LOST"), status="ABNORMAL")
    parcel(shipped("TN-DONE", order_id="DONE", status="delivered"), status="DELIVERED")
    text = text_of(page.get(f"{LIST}?{query}"))
    found = [order for order in ("NEW", "MOVES", "LOST", "DONE") if f"<strong>{order}</strong>" in text]
    assert found == [shown]


def parcel(slip: PackingSlip, **fields: object) -> Parcel:
    slips.keep_parcels(slip)
    slip.parcels.update(last_event_at=now(), **fields)
    return slip.parcels.get()


def test_a_parcel_without_movement_for_a_week_needs_attention(page, shipped):
    quiet = parcel(shipped(), status="IN_TRANSIT")
    week = now() - timedelta(days=8)
    Parcel.objects.filter(pk=quiet.pk).update(last_event_at=week, followed_since=week)
    assert "<strong>A-1</strong>" in text_of(page.get(f"{LIST}?group=attention"))


def test_a_filter_that_does_not_exist_shows_all(page, shipped):
    shipped()
    assert "<strong>A-1</strong>" in text_of(page.get(f"{LIST}?group=nonsense&status=lost&page=zero"))


@pytest.mark.parametrize("rows", [1, 60])
def test_the_list_takes_the_same_queries(page, shipped, rows, django_assert_num_queries):
    for number in range(rows):
        parcel(shipped(f"TN{number}", order_id=f"A-{number}"))
    with django_assert_num_queries(11):
        page.get(LIST)


@pytest.mark.parametrize("events", [1, 60])
def test_one_order_takes_the_same_queries(page, shipped, events, django_assert_num_queries):
    slip = shipped()
    story = parcel(slip)
    for number in range(events):
        story.events.create(at=now() - timedelta(hours=number), status="IN_TRANSIT_01")
    with django_assert_num_queries(8):
        page.get(slip.get_absolute_url())


def test_fifty_orders_are_on_a_page(page, shipped):
    for number in range(51):
        shipped(order_id=f"A-{number}")
    assert text_of(page.get(LIST)).count("<tr id=") == 50
    assert text_of(page.get(f"{LIST}?page=2")).count("<tr id=") == 1


def test_update_now_queues_a_full_update_and_shows_it(page, shipped):
    shipped()
    answer = page.post(reverse("masterdata:update-all"), follow=True)
    assert "Queued an update of 1 shipment." in text_of(answer)
    assert "Waiting for a worker" in text_of(answer)
    assert_enqueued(tasks.update_all_pending_orders)


def test_the_progress_is_sent_only_when_it_moved(page, shipped):
    run = TrackingRun.objects.create(total=4, started_at=now())
    batch = run.batches.create(slip_ids=[], total=4)
    first = page.get("/shipments/progress/?seen=none")
    assert first["HX-Trigger"] == "shipments:changed"
    assert "0 of 4 numbers" in text_of(first)
    seen = first.context["seen"]
    assert page.get(f"/shipments/progress/?seen={seen}").status_code == 204
    run.batches.filter(pk=batch.pk).update(done=2)
    assert "50%" in text_of(page.get(f"/shipments/progress/?seen={seen}"))


@pytest.mark.parametrize("change", [{"status": "DELIVERED"}, {"status": "WAITING_DELIVERY"}])
def test_what_others_change_moves_figures_and_rows(page, shipped, change):
    """Between two full updates: a webhook, a colleague."""
    slip = parcel(shipped(), status="IN_TRANSIT").slip
    poll = f"/shipments/progress/?seen={page.get(LIST).context['seen']}"
    assert page.get(poll).status_code == 204
    Parcel.objects.update(**change)
    with transaction.atomic():
        parcels.settle(parcels.lock([slip.pk]))
    moved = page.get(poll)
    assert moved["HX-Trigger"] == "shipments:changed"
    assert page.get(f"/shipments/progress/?seen={moved.context['seen']}").status_code == 204


def test_a_run_that_stalls_loses_its_bar_and_is_told_in_a_clerks_words(page, admin):
    run = TrackingRun.objects.create(total=4, started_at=now())
    shown = page.get(LIST)
    assert "<progress" in text_of(shown)
    TrackingRun.objects.filter(pk=run.pk).update(started_at=now() - timedelta(hours=3))
    poll = f"/shipments/progress/?seen={shown.context['seen']}"
    text = text_of(page.get(poll))
    assert "<progress" not in text
    assert "no worker is running: tell your administrator" in text
    assert "qcluster" not in text
    assert "/console/" not in text
    page.force_login(admin)
    assert "/console/jobs/?q=masterdata." in text_of(page.get(poll))


def test_what_failed_in_the_last_update_is_the_alarm(page):
    run = TrackingRun.objects.create(total=2, started_at=now(), finished_at=now())
    run.batches.create(
        slip_ids=[], total=2, failed=2, error="No Track123 API key configured", finished_at=now()
    )
    text = text_of(page.get(LIST))
    assert "The last update failed for 2 numbers." in text
    assert "No Track123 API key configured" in text


def test_one_order_is_updated_from_its_page(page, vendor, shipped):
    vendor.add("TN1", "DELIVERED")
    slip = shipped()
    text = text_of(page.post(reverse("masterdata:update-one", args=[slip.pk]), follow=True))
    assert "Now Delivered." in text
    assert "Delivered - left at front door" in text


def test_the_story_is_told_newest_first(page, vendor, shipped):
    vendor.add("TN1", [(0, "INFO_RECEIVED", "", "First"), (1, "IN_TRANSIT", "", "Second")])
    vendor.advance(2)
    slip = shipped()
    text = text_of(page.post(reverse("masterdata:update-one", args=[slip.pk]), follow=True))
    assert text.index("Second") < text.index("First")


def test_an_error_of_one_order_is_shown(page, shipped, track123):
    text = text_of(page.post(reverse("masterdata:update-one", args=[shipped().pk]), follow=True))
    assert "No Track123 API key configured" in text


def test_an_unknown_order_is_404(page):
    assert page.get("/shipments/4711/").status_code == 404
    assert page.post("/shipments/4711/update/").status_code == 404


def test_an_unknown_change_is_404(page, shipped):
    assert page.post(reverse("masterdata:change-one", args=[shipped().pk, "explode"])).status_code == 404


def test_marking_as_delivered_closes_the_order_and_is_in_the_audit_log(page, shipped, operations):
    slip = shipped()
    page.post(reverse("masterdata:change-one", args=[slip.pk, "delivered"]))
    slip.refresh_from_db()
    assert (slip.status, slip.tracking_status) == ("delivered", "Delivered")
    entry = AuditLog.objects.get(action="shipment.delivered")
    assert (entry.user, entry.target) == (operations, f"packing_slip:{slip.pk}")


def test_an_order_can_be_left_alone_and_followed_again(page, shipped):
    slip = shipped()
    slips.keep_parcels(slip)
    page.post(reverse("masterdata:change-one", args=[slip.pk, "stop"]))
    slip.refresh_from_db()
    assert slip.tracking_status == "No longer followed"
    assert not slips.due().exists()
    page.post(reverse("masterdata:change-one", args=[slip.pk, "follow"]))
    assert slips.due().exists()


def test_a_corrected_courier_registers_the_numbers_anew(page, shipped):
    slip = shipped()
    slips.keep_parcels(slip)
    page.post(reverse("masterdata:change-one", args=[slip.pk, "courier"]), {"courier": "ups"})
    assert slip.parcels.get().courier_code == "ups"
    assert_enqueued(tasks.register_parcels, packing_slip_id=slip.pk)


def test_a_courier_that_is_not_in_the_list_is_refused(page, shipped):
    slip = shipped()
    address = reverse("masterdata:change-one", args=[slip.pk, "courier"])
    assert "choose one from the list" in text_of(page.post(address, {"courier": "pigeon"}, follow=True))


def test_a_parcel_links_to_its_carriers_page(page, shipped):
    slip = shipped("TN1", tracking_vendor="ups")
    slips.keep_parcels(slip)
    assert "https://www.ups.com/track?tracknum=TN1" in text_of(page.get(slip.get_absolute_url()))


def test_the_home_page_shows_the_figures(page, shipped):
    shipped()
    assert "Shipments" in text_of(page.get("/"))
