"""What makes something makes it once: over REST by Idempotency-Key, on a page by the key of its form."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils.timezone import now
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from ims.accounts import roles
from ims.submissions.models import Submission
from ims.submissions.tasks import prune_submissions
from licensing.models import Allotment, ExportItem, ImportItem, License
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
ALLOTMENTS = "/api/licensing/allotments/"


@pytest.fixture
def manager(db):
    return make_user("manager", roles.LICENCE_MANAGER)


@pytest.fixture
def item(db) -> ImportItem:
    """Of a licence with 1,000 dollars of credit."""
    licence = License.objects.create(
        license_number="L-1", expiry_date=(now() + timedelta(days=365)).date(), license_date=now().date()
    )
    ExportItem.objects.create(license=licence, cif_fc=Decimal(1000))
    return ImportItem.objects.create(license=licence, serial=1, quantity=Decimal(100))


def reserve(client: APIClient, item: ImportItem, key: str = "", cif: str = "100"):
    body = {"company": "Sweet Imports", "items": [{"item": item.pk, "qty": "1", "cif_fc": cif}]}
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(ALLOTMENTS, body, format="json", headers=headers)


def press(client: Client, item: ImportItem, key: str, cif: str = "100"):
    body = {
        "company": "Sweet Imports",
        f"item-{item.pk}-qty": "1",
        f"item-{item.pk}-cif_fc": cif,
        "send_once": key,
    }
    return client.post(f"/licences/allotments/new/?item={item.pk}", body)


# --- REST -----------------------------------------------------------------------------------------------
def test_a_repeated_request_is_given_its_first_answer(api, manager, item):
    client = api(manager)
    first, second = reserve(client, item, "a"), reserve(client, item, "a")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert Allotment.objects.count() == 1


def test_without_a_key_or_with_another_it_is_another_request(api, manager, item):
    client = api(manager)
    assert len({reserve(client, item, key).json()["id"] for key in ("", "", "a", "b")}) == 4


def test_a_key_with_another_body_is_refused(api, manager, item):
    client = api(manager)
    reserve(client, item, "a")
    answer = reserve(client, item, "a", cif="101")
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "key_reused"
    assert "Give each request a new key" in answer.json()["error"]["message"]
    assert Allotment.objects.count() == 1


def test_a_key_is_its_senders_own(api, manager, item):
    other = make_user("other", roles.LICENCE_MANAGER)
    mine, theirs = reserve(api(manager), item, "a"), reserve(api(other), item, "a")
    assert mine.json()["id"] != theirs.json()["id"]


def test_who_lost_the_role_is_not_given_the_answer(api, manager, item):
    client = api(manager)
    reserve(client, item, "a")
    manager.groups.clear()
    assert reserve(client, item, "a").status_code == 403


def test_what_was_refused_can_be_sent_again(api, manager, item):
    client = api(manager)
    License.objects.update(is_active=False)
    assert reserve(client, item, "a").status_code == 400
    assert not Submission.objects.exists()
    License.objects.update(is_active=True)
    assert reserve(client, item, "a").status_code == 201


def test_every_request_that_makes_something_tells_of_its_key():
    schema = SchemaGenerator().get_schema(public=True)
    told = {
        path
        for path, operations in schema["paths"].items()
        for each in operations.values()
        if {parameter["name"] for parameter in each.get("parameters", [])} >= {"Idempotency-Key"}
        and "422" in each["responses"]
    }
    assert told == {
        "/api/cross-dock/tasks/",
        "/api/cross-dock/tasks/{id}/run-again/",
        "/api/cross-dock/tasks/{task_id}/comments/",
        "/api/eic/stock-requests/",
        "/api/invoices/{id}/payments/",
        "/api/licensing/allotments/",
        "/api/licensing/attachments/",
        "/api/licensing/bills-of-entry/",
        "/api/trips/",
        "/api/trips/{id}/proof/",
    }


# --- Pages ----------------------------------------------------------------------------------------------
def test_a_second_press_leads_to_what_the_first_made(client, manager, item):
    client.force_login(manager)
    first, second = press(client, item, "a"), press(client, item, "a")
    assert first["Location"] == second["Location"] == Allotment.objects.get().get_absolute_url()
    assert "It was sent already" in client.get(second["Location"]).content.decode()


def test_who_goes_back_and_changes_something_makes_another(client, manager, item):
    client.force_login(manager)
    assert press(client, item, "a")["Location"] != press(client, item, "a", cif="101")["Location"]


def test_a_form_that_was_refused_can_be_sent_again(client, manager, item):
    client.force_login(manager)
    License.objects.update(is_active=False)
    assert press(client, item, "a").status_code == 400
    License.objects.update(is_active=True)
    assert press(client, item, "a").status_code == 302


def test_each_time_a_form_is_shown_it_has_another_key(client, manager, item):
    client.force_login(manager)
    address = f"/licences/allotments/new/?item={item.pk}"
    keys = {client.get(address).content.split(b'name="send_once" value="')[1][:36] for _ in range(2)}
    assert len(keys) == 2


def test_a_refusal_that_leads_back_leaves_no_key(client, manager, item):
    client.force_login(manager)
    address = f"/licences/papers/licence/{item.license_id}/"
    body = {"file": SimpleUploadedFile("a.pdf", b"no paper"), "send_once": "a"}
    assert client.post(address, body).status_code == 302
    assert not Submission.objects.exists()


# --- Two at once ----------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_the_second_is_given_the_firsts_answer(api, manager, item):
    start = Barrier(2)
    clients = [api(manager), api(manager)]

    def send(client: APIClient) -> int:
        try:
            start.wait()
            return reserve(client, item, "a").json()["id"]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        made = set(pool.map(send, clients))
    assert made == {Allotment.objects.get().pk}


# --- Housekeeping ---------------------------------------------------------------------------------------
def test_a_key_is_forgotten_after_a_day(api, manager, item):
    client = api(manager)
    reserve(client, item, "old")
    Submission.objects.update(created_at=now() - timedelta(hours=25))
    reserve(client, item, "young")
    assert prune_submissions() == 1
    assert Submission.objects.count() == 1
