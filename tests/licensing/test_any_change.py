"""Whatever people do to a ledger, in whatever order and way, the sync afterwards finds nothing to change."""

from decimal import Decimal

import pytest
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing import ledger, sync
from licensing.balances import day_in_india
from licensing.models import Allotment, AllotmentItem, BillOfEntry, BOERow, ExportItem, ImportItem, License

pytestmark = pytest.mark.django_db
MONEY = st.decimals(0, 9999, places=2, allow_nan=False)
PLACE = st.integers(0, 30)  # which of the rows, round and round


def nth(found, place: int):
    count = found.count()
    return found.order_by("pk")[place % count] if count else None


def debit(place: int, amount: Decimal) -> None:
    boe, item = nth(BillOfEntry.objects.all(), place), nth(ImportItem.objects.all(), place // 2)
    BOERow.objects.create(
        bill_of_entry=boe, item=item, qty=amount, cif_fc=amount, transaction_type="DC"[place % 7 == 0]
    )


def debit_many(place: int, amount: Decimal) -> None:
    boe = nth(BillOfEntry.objects.all(), place)
    items = ImportItem.objects.all()
    BOERow.objects.bulk_create(BOERow(bill_of_entry=boe, item=item, qty=1, cif_fc=amount) for item in items)


def reserve(place: int, amount: Decimal) -> None:
    made = Allotment.objects.create(company="A")
    made.items.create(item=nth(ImportItem.objects.all(), place), qty=amount, cif_fc=amount)


def attach(place: int, amount: Decimal) -> None:
    if allotment := nth(Allotment.objects.all(), place):
        nth(BillOfEntry.objects.all(), place // 3).allotments.add(allotment)


def detach(place: int, amount: Decimal) -> None:
    boe = nth(BillOfEntry.objects.all(), place)
    boe.allotments.clear() if place % 2 else boe.allotments.set(Allotment.objects.all()[:1])


def change(place: int, amount: Decimal) -> None:
    if row := nth(BOERow.objects.all(), place):
        row.cif_fc, row.item = amount, nth(ImportItem.objects.all(), place)
        row.save()


def change_many(place: int, amount: Decimal) -> None:
    BOERow.objects.filter(pk__gt=place).update(cif_fc=amount)
    AllotmentItem.objects.filter(item__serial=1 + place % 2).update(qty=amount)
    ExportItem.objects.filter(license__license_number=f"L-{place % 3}").update(cif_fc=amount * 3)


def remove(place: int, amount: Decimal) -> None:
    for model in (BOERow, AllotmentItem, Allotment):
        if row := nth(model.objects.all(), place + 1):
            row.delete()
            return


def remove_many(place: int, amount: Decimal) -> None:
    [BOERow, AllotmentItem, Allotment][place % 3].objects.filter(pk__gt=place).delete()


def limit(place: int, amount: Decimal) -> None:
    item = nth(ImportItem.objects.all(), place)
    item.is_restricted, item.restriction_percentage = bool(place % 3), Decimal(place)
    item.norm_class, item.quantity = "E1" if place % 2 else "", amount
    item.save()


DEEDS = [debit, debit_many, reserve, attach, detach, change, change_many, remove, remove_many, limit]


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deeds=st.lists(st.tuples(st.sampled_from(DEEDS), PLACE, MONEY), min_size=3, max_size=15))
def test_the_sync_has_nothing_to_do_after_any_changes(deeds):
    start_anew()
    for deed, place, amount in deeds:
        deed(place, amount)
    report = sync.sync(day_in_india(now()))
    assert (report.licences, report.item_rows, report.failed) == (0, 0, 0), report.output
    for licence in License.objects.all():
        assert_parts_add_up(licence)


def start_anew() -> None:
    with ledger.changes():
        make_ledgers()


def make_ledgers() -> None:
    BillOfEntry.objects.all().delete()
    Allotment.objects.all().delete()
    License.objects.all().delete()
    for number in range(3):
        licence = License.objects.create(license_number=f"L-{number}")
        ExportItem.objects.create(license=licence, cif_fc=5000)
        for serial in (1, 2):
            ImportItem.objects.create(license=licence, serial=serial, quantity=100)
        BillOfEntry.objects.create(number=str(number), date="2026-11-01")


def assert_parts_add_up(licence: License) -> None:
    """Balance and what was taken of the items make the credit."""
    items = list(licence.import_items.all())
    taken = sum(item.debited_value + item.allotted_value for item in items)
    credit = sum(export.cif_fc for export in licence.export_items.all())
    assert licence.balance_cif - licence.overdrawn_cif + taken == credit
    assert all(0 <= item.available_value <= licence.balance_cif for item in items)
