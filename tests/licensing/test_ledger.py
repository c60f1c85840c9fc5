"""Whatever way a ledger row changes, its licences are worked out in the same transaction."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils.timezone import now

from licensing import ledger, recalculation
from licensing.balances import day_in_india
from licensing.balances_sql import differences
from licensing.models import (
    Allotment,
    AllotmentItem,
    BillOfEntry,
    BOEAllotment,
    BOERow,
    ExportItem,
    ImportItem,
    LedgerChange,
    License,
)
from licensing.tasks import recalculate_stale
from scheduling.testing import assert_enqueued, enqueued

pytestmark = pytest.mark.django_db


@pytest.fixture
def boe(db) -> BillOfEntry:
    return BillOfEntry.objects.create(number="77", date=date(2026, 11, 1), port="INNSA1")


@pytest.fixture
def reserved(item) -> Allotment:
    """100 kg for 1,000 dollars."""
    made = Allotment.objects.create(company="A")
    AllotmentItem.objects.create(allotment=made, item=item, qty=100, cif_fc=1000)
    return made


def balance(number: str = "L-1") -> Decimal:
    return License.objects.get(license_number=number).balance_cif


def all_right() -> bool:
    ids = License.objects.values_list("pk", flat=True)
    return not differences(list(ids), day_in_india(now()))


def test_a_new_row_is_counted_at_once(item, boe):
    BOERow.objects.create(bill_of_entry=boe, item=item, qty=100, cif_fc=Decimal("2500.50"))
    item.refresh_from_db()
    assert (item.debited_quantity, item.debited_value) == (100, Decimal("2500.50"))
    assert (item.available_quantity, item.available_value) == (900, Decimal("7499.50"))
    assert balance() == Decimal("7499.50")


def test_a_saved_change_is_counted(item, boe):
    row = BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=100)
    row.cif_fc = Decimal(250)
    row.save()
    assert balance() == 9750


def test_a_row_that_moves_to_another_licence_is_taken_from_the_first(item, boe, licence):
    other = licence("L-2").import_items.get()
    row = BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=100)
    row.item = other
    row.save()
    assert (balance(), balance("L-2")) == (10000, 9900)


def test_a_deleted_row_gives_back(item, boe):
    BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=100).delete()
    assert balance() == 10000


def test_a_deleted_boe_gives_back_its_rows_and_its_allotments_count_again(item, boe, reserved):
    BOERow.objects.create(bill_of_entry=boe, item=item, qty=100, cif_fc=900)
    boe.allotments.add(reserved)
    assert balance() == 9100
    boe.delete()
    assert balance() == 9000


@pytest.mark.parametrize("everything", [Allotment, AllotmentItem])
def test_deleting_by_query_gives_back(reserved, everything):
    everything.objects.all().delete()
    assert balance() == 10000


def test_rows_in_bulk_are_counted(item, boe):
    rows = BOERow.objects.bulk_create(BOERow(bill_of_entry=boe, item=item, cif_fc=10) for _ in range(5))
    assert balance() == 9950
    for row in rows:
        row.cif_fc = Decimal(20)
    BOERow.objects.bulk_update(rows, ["cif_fc"])
    assert balance() == 9900


def test_an_update_by_query_is_counted(item, boe):
    BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=10)
    BOERow.objects.update(cif_fc=70)
    assert balance() == 9930
    BOERow.objects.update(transaction_type="C")
    assert balance() == 10000


def test_an_update_by_query_that_moves_rows_is_counted_on_both_licences(item, boe, licence):
    other = licence("L-2").import_items.get()
    BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=10)
    BOERow.objects.update(item=other)
    assert (balance(), balance("L-2")) == (10000, 9990)


def test_a_boe_moves_an_allotment_from_allotted_to_debited_without_a_double_count(item, boe, reserved):
    assert balance() == 9000
    with ledger.changes():
        boe.allotments.add(reserved)
        BOERow.objects.create(bill_of_entry=boe, item=item, qty=100, cif_fc=1000)
    item.refresh_from_db()
    assert balance() == 9000
    assert (item.allotted_value, item.debited_value, item.available_quantity) == (0, 1000, 900)


@pytest.mark.parametrize("way", ["remove", "clear", "set", "delete"])
def test_an_allotment_that_is_detached_counts_again(boe, reserved, way):
    boe.allotments.add(reserved)
    assert balance() == 10000
    detach = {
        "remove": lambda: boe.allotments.remove(reserved),
        "clear": lambda: boe.allotments.clear(),
        "set": lambda: reserved.bills_of_entry.set([]),
        "delete": lambda: BOEAllotment.objects.all().delete(),
    }
    detach[way]()
    assert balance() == 9000


def test_an_allotment_on_two_boes_counts_again_only_when_both_are_gone(boe, reserved):
    second = BillOfEntry.objects.create(number="78", date=date(2026, 11, 1))
    boe.allotments.add(reserved)
    second.allotments.add(reserved)
    boe.delete()
    assert balance() == 10000
    second.delete()
    assert balance() == 9000


def test_quantities_and_limits_of_an_item_are_counted(item):
    item.quantity, item.is_restricted, item.restriction_percentage = Decimal(5), True, Decimal(10)
    item.save()
    item.refresh_from_db()
    assert (item.available_quantity, item.available_value) == (5, 1000)


def test_a_stale_copy_of_an_item_overwrites_no_figure(item, boe):
    copy = ImportItem.objects.get()
    BOERow.objects.create(bill_of_entry=boe, item=item, qty=10, cif_fc=100)
    copy.description = "Sugar"
    copy.save()
    assert ImportItem.objects.get().debited_value == 100


def test_a_change_that_is_rolled_back_leaves_no_trace(item, boe):
    with transaction.atomic():
        BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=100)
        transaction.set_rollback(True)
    assert balance() == 10000
    assert LedgerChange.objects.filter(row__startswith="BOE row").count() == 0


def test_a_licence_can_be_deleted_in_the_block_that_changed_its_rows(licence):
    made = licence()
    with ledger.changes():
        made.import_items.get().delete()
        made.delete()
    assert not LedgerChange.objects.exists()


def test_a_block_is_worked_out_once(item, boe, django_assert_max_num_queries):
    with django_assert_max_num_queries(20), ledger.changes():
        rows = [BOERow(bill_of_entry=boe, item=item, cif_fc=1) for _ in range(50)]
        BOERow.objects.bulk_create(rows[:25])
        BOERow.objects.bulk_create(rows[25:])
    assert balance() == 9950


def test_a_block_that_failed_does_not_reach_into_the_next(item, boe):
    with pytest.raises(RuntimeError), ledger.changes():
        raise RuntimeError
    BOERow.objects.create(bill_of_entry=boe, item=item, cif_fc=100)
    assert balance() == 9900


# --- a large change -------------------------------------------------------------------------------------
def test_a_large_change_is_left_to_a_job_that_commits_with_it(licence, monkeypatch):
    monkeypatch.setattr(ledger, "SMALL", 2)
    numbers = [licence(f"L-{number}").license_number for number in range(3)]
    ExportItem.objects.update(cif_fc=77)
    assert [balance(number) for number in numbers] == [10000] * 3
    assert License.objects.filter(is_stale=True).count() == 3
    assert_enqueued(recalculate_stale)
    assert recalculate_stale() == 3
    assert [balance(number) for number in numbers] == [77] * 3
    assert not License.objects.filter(is_stale=True).exists()
    assert all_right()


def test_two_large_changes_make_one_job(licence, monkeypatch):
    monkeypatch.setattr(ledger, "SMALL", 0)
    licence("L-1")
    licence("L-2")
    ExportItem.objects.update(cif_fc=77)
    assert len(enqueued(recalculate_stale)) == 1


def test_a_small_change_of_a_stale_licence_makes_it_right(licence, monkeypatch):
    made = licence("L-1")
    recalculation.mark_stale([made.pk])
    ExportItem.objects.update(cif_fc=77)
    made.refresh_from_db()
    assert (made.balance_cif, made.is_stale) == (77, False)


# --- who changed what -----------------------------------------------------------------------------------
def test_the_history_tells_who_changed_which_row_from_what_to_what(item, boe, manager):
    with ledger.changes(user=manager):
        row = BOERow.objects.create(bill_of_entry=boe, item=item, qty=10, cif_fc=100)
    with ledger.changes(user=manager):
        row.cif_fc = Decimal(250)
        row.save()
    newest, first = item.license.changes.filter(row=f"BOE row {row.pk}")
    assert (first.action, first.user, first.after["cif_fc"]) == ("added", manager, "100.00")
    assert (newest.action, newest.before, newest.after) == (
        "changed",
        {"cif_fc": "100.00"},
        {"cif_fc": "250.00"},
    )


def test_what_was_done_by_query_is_in_the_history_too(item, boe):
    BOERow.objects.bulk_create([BOERow(bill_of_entry=boe, item=item, cif_fc=10)])
    BOERow.objects.update(cif_fc=20)
    BOERow.objects.all().delete()
    actions = item.license.changes.filter(row__startswith="BOE row").values_list("action", flat=True)
    assert list(actions) == ["deleted", "changed", "added"]


def test_a_save_that_changes_nothing_is_not_in_the_history(item):
    before = LedgerChange.objects.count()
    item.save()
    assert LedgerChange.objects.count() == before


def test_the_deleted_boe_is_told_on_every_licence_it_debited(item, boe, licence):
    other = licence("L-2").import_items.get()
    for each in (item, other):
        BOERow.objects.create(bill_of_entry=boe, item=each, cif_fc=100)
    name = f"bill of entry {boe.pk}"
    boe.delete()
    told = LedgerChange.objects.filter(row=name, action="deleted")
    assert {change.license.license_number for change in told} == {"L-1", "L-2"}
