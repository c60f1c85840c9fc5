"""The formulas on Decimal and their twin in SQL agree on any ledger, on both databases."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing import recalculation
from licensing.balances_sql import FigureTooLarge, differences
from licensing.models import ExportItem, ImportItem, License
from tests.licensing.ledgers import TODAY, expected, figures, ledgers, store

pytestmark = pytest.mark.django_db
SOME = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SOME
@given(found=st.lists(ledgers, min_size=1, max_size=3))
def test_a_recalculation_in_bulk_gives_what_the_formulas_give(found):
    licences = [store(ledger, f"L-{License.objects.count()}") for ledger in found]
    spoil(licences)
    recalculation.recalculate([licence.pk for licence in licences], TODAY)
    for ledger, licence in zip(found, licences, strict=True):
        stored = expected(ledger)
        assert figures(licence) == stored
        assert all(figure >= 0 for row in stored[1] for figure in row)
        assert stored[0].balance_cif == 0 or stored[0].overdrawn_cif == 0


def spoil(licences: list[License]) -> None:
    """As old data or a program beside ours may have left them."""
    ids = [licence.pk for licence in licences]
    License.objects.filter(pk__in=ids).update(balance_cif=Decimal("7.77"), is_null=False, overdrawn_cif=0)
    ImportItem.objects.filter(license__in=ids).update(available_value=Decimal("9.99"), debited_quantity=1)


@SOME
@given(ledger=ledgers)
def test_a_second_recalculation_changes_nothing(ledger):
    licence = store(ledger, f"L-{License.objects.count()}")
    recalculation.recalculate([licence.pk], TODAY)
    assert not differences([licence.pk], TODAY)


@pytest.mark.parametrize("amount", ["0.01", "9999999999999.99"])
def test_many_rows_add_up_to_the_cent(licence, amount):
    """Binary fractions would be a cent off long before; sums of the largest amounts are still whole."""
    made = licence(credit="0")
    value = Decimal(amount) / (1 if amount == "0.01" else 1024)
    value = value.quantize(Decimal("0.01"))
    ExportItem.objects.bulk_create(ExportItem(license=made, cif_fc=value) for _ in range(1000))
    made.refresh_from_db()
    assert made.balance_cif == value * 1000


def test_a_sum_that_no_figure_can_hold_is_refused_with_the_licence_named(licence):
    made = licence(credit="9999999999999.99")
    with pytest.raises(FigureTooLarge, match=r"balance cif of licence L-1 would be 10,000,000,000,000\.00"):
        ExportItem.objects.create(license=made, cif_fc=Decimal("0.01"))
    assert made.export_items.count() == 1


def test_without_items_only_the_licence_is_written(licence):
    made = licence()
    spoil([made])
    wrong = recalculation.recalculate([made.pk], date(2020, 1, 1), items=False)
    assert [change.new.balance_cif for change in wrong.licences] == [Decimal(10000)]
    assert wrong.items == []
    assert made.import_items.get().available_value == Decimal("9.99")
