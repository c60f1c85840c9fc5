"""The admin of shipments: secrets never come out, and a save keeps the parcels in step."""

import pytest
from django.urls import reverse

from ims.lib.secrets import UnreadableSecret
from masterdata import tasks
from masterdata.models import GoogleDriveSettings, PackingSlip
from scheduling.testing import assert_enqueued

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, admin):
    client.force_login(admin)
    return client


MODELS = ("product", "packingslip", "parcel", "parcelevent", "trackingrun", "googledrivesettings")


@pytest.mark.parametrize("model", MODELS)
def test_each_list_opens(page, model):
    assert page.get(reverse(f"admin:masterdata_{model}_changelist")).status_code == 200


def test_a_stored_secret_is_never_rendered(page):
    row = GoogleDriveSettings.objects.create(
        email="a@example.com", track123_api_key="top-key", service_account_json='{"k": "top-json"}'
    )
    change = reverse("admin:masterdata_googledrivesettings_change", args=[row.pk])
    for address in (change, reverse("admin:masterdata_googledrivesettings_changelist")):
        text = page.get(address).content.decode()
        assert "top-key" not in text
        assert "top-json" not in text


@pytest.mark.parametrize(
    ("typed", "stored"),
    [({}, "top-key"), ({"track123_api_key": "new"}, "new"), ({"forget_secrets": "on"}, "")],
)
def test_an_empty_secret_field_keeps_the_stored_secret(page, typed, stored):
    row = GoogleDriveSettings.objects.create(email="a@example.com", track123_api_key="top-key")
    change = reverse("admin:masterdata_googledrivesettings_change", args=[row.pk])
    answer = page.post(change, {"email": "a@example.com", "is_active": "on", **typed})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.track123_api_key == stored


def test_a_secret_that_cannot_be_decrypted_says_what_to_do(page):
    row = GoogleDriveSettings.objects.create(email="a@example.com")
    GoogleDriveSettings.objects.update(track123_api_key=UnreadableSecret("encrypted:of-another-key"))
    change = reverse("admin:masterdata_googledrivesettings_change", args=[row.pk])
    assert "SECRET_KEY_FALLBACKS" in page.get(change).content.decode()
    page.post(change, {"email": "b@example.com", "is_active": "on"})
    row.refresh_from_db()
    assert (row.email, row.track123_api_key.stored) == ("b@example.com", "encrypted:of-another-key")


def test_a_new_row_remembers_who_made_it(page, admin):
    add = reverse("admin:masterdata_googledrivesettings_add")
    page.post(add, {"email": "a@example.com", "track123_api_key": "k"})
    row = GoogleDriveSettings.objects.get()
    assert (row.created_by, row.track123_api_key) == (admin, "k")


def test_saving_a_slip_registers_its_numbers(page, shipped):
    slip = shipped("")
    change = reverse("admin:masterdata_packingslip_change", args=[slip.pk])
    form = page.get(change).context["adminform"].form
    fields = {name: "" if value is None else value for name, value in form.initial.items()}
    inline = {"parcels-TOTAL_FORMS": 0, "parcels-INITIAL_FORMS": 0}
    fields = {name: value for name, value in fields.items() if name in form.fields}
    answer = page.post(change, {**fields, **inline, "tracking_ids": "TN1"})
    assert answer.status_code == 302
    assert [parcel.number for parcel in slip.parcels.all()] == ["TN1"]
    assert_enqueued(tasks.register_parcels, packing_slip_id=slip.pk)


def test_the_action_updates_the_chosen_orders(page, vendor, shipped):
    vendor.add("TN1", "IN_TRANSIT")
    slip = shipped()
    chosen = {"action": "update_tracking_now", "_selected_action": [slip.pk]}
    answer = page.post(reverse("admin:masterdata_packingslip_changelist"), chosen, follow=True)
    assert "Updated 1 shipment." in answer.content.decode()
    assert PackingSlip.objects.get().tracking_status == "In Transit"
