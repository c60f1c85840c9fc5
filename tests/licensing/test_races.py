"""The sync beside people who write, and a sync that is killed: nothing is lost, skipped or left wrong."""

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from licensing import sync
from licensing.balances_sql import differences
from licensing.models import BillOfEntry, BOERow, ExportItem, ImportItem, License
from tests.conftest import ROOT, database_url_of_test

pytestmark = pytest.mark.django_db(transaction=True)


def make_licences(count: int, stored: Decimal) -> None:
    """Licences with 1,000 dollars of credit each, whose stored balance is another."""
    License.objects.bulk_create(
        License(license_number=f"L-{number:05}", balance_cif=stored, is_null=False) for number in range(count)
    )
    ids = list(License.objects.values_list("pk", flat=True))
    ExportItem.objects.bulk_create(ExportItem(license_id=pk, cif_fc=1000) for pk in ids)
    ImportItem.objects.bulk_create(ImportItem(license_id=pk, serial=1, quantity=100) for pk in ids)
    License.objects.update(balance_cif=stored, is_stale=False)


def all_wrong(today: date) -> list[object]:
    found = differences(list(License.objects.values_list("pk", flat=True)), today)
    return [*found.licences, *found.items]


def race(today: date, licences: int, writes: int, writers: int = 2) -> None:
    make_licences(licences, Decimal("7.00"))
    boe = BillOfEntry.objects.create(number="1", date=today)
    items = list(ImportItem.objects.values_list("pk", flat=True))

    def write(seed: int) -> int:
        """Add, change and delete rows, edit items, end with some rows left; returns how many."""
        chance = random.Random(seed)
        left = 0
        try:
            for _ in range(writes):
                row = BOERow.objects.create(bill_of_entry=boe, item_id=chance.choice(items), qty=1, cif_fc=2)
                row.cif_fc = Decimal(3)
                row.save()
                item = ImportItem.objects.get(pk=chance.choice(items))
                item.description = f"by {seed}"
                item.save()
                if chance.random() < 0.3:
                    row.delete()
                else:
                    left += 1
        finally:
            connection.close()
        return left

    def work_out() -> list[int]:
        try:
            return [sync.sync(today, batch_size=7).checked for _ in range(3)]
        finally:
            connection.close()

    with ThreadPoolExecutor(writers + 1) as pool:
        syncing = pool.submit(work_out)
        written = list(pool.map(write, range(writers)))
    assert syncing.result() == [licences] * 3
    assert all_wrong(today) == []
    assert BOERow.objects.count() == sum(written)
    assert sum(License.objects.values_list("balance_cif", flat=True)) == 1000 * licences - 3 * sum(written)


def test_nothing_is_lost_or_skipped_while_others_write(today):
    race(today, licences=30, writes=15)


@pytest.mark.slow
def test_nothing_is_lost_or_skipped_while_many_write_for_long(today):
    race(today, licences=500, writes=400, writers=4)


def test_licences_that_come_and_go_meanwhile_make_no_batch_skip_another(today):
    """Keyset, not offset: rows that vanish before the next batch do not move the others."""
    make_licences(20, Decimal("7.00"))
    ids = sorted(License.objects.values_list("pk", flat=True))

    def disturb(done: int, total: int) -> None:
        if done == 4:
            License.objects.filter(pk__in=ids[:3]).delete()
            License.objects.create(license_number="NEW")

    report = sync.sync(today, batch_size=4, tell=disturb)
    assert report.checked == 21  # four of them before three went, and the new one
    assert set(License.objects.exclude(license_number="NEW").values_list("balance_cif", flat=True)) == {1000}


def test_a_sync_that_is_killed_half_way_is_made_good_by_the_next(today):
    make_licences(300, Decimal("7.00"))
    command = [sys.executable, "manage.py", "sync_licenses", "--batch-size", "1"]
    environment = {**os.environ, "DATABASE_URL": database_url_of_test()}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while License.objects.filter(balance_cif=7).count() > 280 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    halfway = License.objects.filter(balance_cif=1000).count()
    assert 0 < halfway < 300
    sync.sync(today)
    assert set(License.objects.values_list("balance_cif", flat=True)) == {1000}
    assert all_wrong(today) == []
