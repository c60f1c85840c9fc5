"""Licences in Django's admin: the figures follow, and the history names who did it."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from licensing.models import Allotment, BillOfEntry, BOERow, LedgerChange, License

pytestmark = pytest.mark.django_db
PAGES = ("license", "importitem", "allotment", "billofentry", "ledgerchange", "syncrun")


@pytest.fixture
def office(client, admin):
    client.force_login(admin)
    return client


def inline(prefix: str, *rows: dict[str, object], stored: int = 0) -> dict[str, object]:
    data: dict[str, object] = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": stored}
    for number, row in enumerate(rows):
        data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data


@pytest.mark.parametrize("name", PAGES)
def test_every_list_opens(office, licence, name):
    licence()
    assert office.get(reverse(f"admin:licensing_{name}_changelist")).status_code == 200


def test_a_licence_is_entered_with_items_and_worked_out(office, admin):
    body = {
        "license_number": "L-9",
        "purchase_status": "own",
        "is_active": "on",
        **inline("export_items", {"quantity": 1, "net_quantity": 1, "fob": 1, "cif_fc": 1000, "cif_inr": 0}),
        **inline("import_items", {"serial": 1, "quantity": 50, "cif_fc": 0}),
        **inline("attachments"),
    }
    answer = office.post(reverse("admin:licensing_license_add"), body)
    assert answer.status_code == 302, answer.context["errors"]
    made = License.objects.get()
    assert made.balance_cif == 1000
    assert made.import_items.get().available_value == 1000
    assert set(LedgerChange.objects.values_list("user__username", flat=True)) == {"admin"}


def test_a_sum_that_no_figure_can_hold_is_told_and_is_no_crash(office, licence):
    made = licence()
    export = {"quantity": 1, "net_quantity": 1, "fob": 1, "cif_fc": "9999999999999.99", "cif_inr": 0}
    body = {"license_number": "L-9", "purchase_status": "own", "is_active": "on"}
    body |= {**inline("export_items", export, export), **inline("import_items"), **inline("attachments")}
    answer = office.post(reverse("admin:licensing_license_add"), body, follow=True)
    assert "correct the amount" in answer.content.decode()
    assert list(License.objects.all()) == [made]


def test_a_changed_licence_keeps_figures_that_others_wrote_meanwhile(office, licence):
    made = licence()
    export, item = made.export_items.get(), made.import_items.get()
    body = {
        "license_number": "L-1",
        "purchase_status": "own",
        "is_active": "on",
        "expiry_date": "2020-01-31",
        **inline(
            "export_items",
            {"id": export.pk, "quantity": 1, "net_quantity": 1, "fob": 1, "cif_fc": 250, "cif_inr": 0},
            stored=1,
        ),
        **inline("import_items", {"id": item.pk, "serial": 1, "quantity": 5, "cif_fc": 0}, stored=1),
        **inline("attachments"),
    }
    answer = office.post(reverse("admin:licensing_license_change", args=[made.pk]), body)
    assert answer.status_code == 302, answer.context["errors"]
    made.refresh_from_db()
    assert (made.balance_cif, made.is_null, made.is_expired) == (250, True, True)
    assert made.import_items.get().available_quantity == 5


def test_a_bill_of_entry_is_entered_with_rows_and_allotments(office, item):
    allotment = Allotment.objects.create(company="A")
    allotment.items.create(item=item, qty=100, cif_fc=4000)
    body = {
        "number": "77",
        "date": "2026-11-01",
        "exchange_rate": "84",
        **inline(
            "rows", {"item": item.pk, "transaction_type": "D", "qty": 100, "cif_fc": 4000, "cif_inr": 0}
        ),
        **inline("boe_allotments", {"allotment": allotment.pk}),
        **inline("attachments"),
    }
    answer = office.post(reverse("admin:licensing_billofentry_add"), body)
    assert answer.status_code == 302, answer.context["errors"]
    item.refresh_from_db()
    assert (item.debited_value, item.allotted_value) == (4000, 0)
    assert License.objects.get().balance_cif == 6000


def test_a_bill_that_customs_overdrew_can_be_entered_and_is_listed_as_doubtful(office, item):
    rows = {"item": item.pk, "transaction_type": "D", "qty": 1001, "cif_fc": 10500, "cif_inr": 0}
    body = {"number": "77", "date": "2026-11-01", "exchange_rate": "84", **inline("rows", rows)}
    body |= {**inline("boe_allotments"), **inline("attachments")}
    assert office.post(reverse("admin:licensing_billofentry_add"), body).status_code == 302
    doubtful = office.get(reverse("licensing:quality")).content.decode()
    assert "L-1: 500.00 USD" in doubtful
    assert "L-1 item 1: 1.000 kg" in doubtful


@pytest.mark.parametrize("way", ["page", "action"])
def test_a_deleted_bill_gives_back(office, item, way):
    boe = BillOfEntry.objects.create(number="77", date=date(2026, 11, 1))
    BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=Decimal(400))
    if way == "page":
        office.post(reverse("admin:licensing_billofentry_delete", args=[boe.pk]), {"post": "yes"})
    else:
        body = {"action": "delete_selected", "_selected_action": [boe.pk], "post": "yes"}
        office.post(reverse("admin:licensing_billofentry_changelist"), body)
    assert License.objects.get().balance_cif == 10000
    assert LedgerChange.objects.filter(action="deleted", user__username="admin").exists()


def test_the_admin_is_no_way_past_the_check_of_allotments(office, item):
    """Nothing is reserved there: only the page and the API look at what is left."""
    assert office.get(reverse("admin:licensing_allotment_add")).status_code == 403
    made = Allotment.objects.create(company="A")
    row = made.items.create(item=item, qty=1, cif_fc=100)
    body = {
        "company": "A",
        "required_quantity": 1,
        "unit_value": 0,
        "cif_fc": 100,
        **inline("items", {"id": row.pk, "item": item.pk, "qty": 1, "cif_fc": 99999}, stored=1),
    }
    office.post(reverse("admin:licensing_allotment_change", args=[made.pk]), body)
    row.refresh_from_db()
    assert row.cif_fc == 100


def test_the_history_cannot_be_edited(office, licence):
    licence()
    change = LedgerChange.objects.first()
    page = office.get(reverse("admin:licensing_ledgerchange_change", args=[change.pk]))
    assert "Save" not in page.content.decode()
