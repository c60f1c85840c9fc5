"""The formulas, against examples worked out by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from licensing import balances
from licensing.balances import Entry, ItemLedger, Reservation, Sums


def spent(quantity: str = "0", value: str = "0") -> Sums:
    return Sums(Decimal(quantity), Decimal(value))


def test_a_balance_is_credit_less_debits_less_allotments():
    items = [
        ItemLedger(Decimal(500), debited=spent("100", "2500.50"), allotted=spent("50", "1000.25")),
        ItemLedger(Decimal(500), debited=spent("20", "499.25")),
    ]
    found = balances.licence_balance(Decimal("10000"), items)
    assert (found.credit, found.debit, found.allotted) == (
        Decimal("10000"),
        Decimal("2999.75"),
        Decimal("1000.25"),
    )
    assert found.balance == Decimal("6000.00")
    assert found.overdrawn == 0


def test_an_overdrawn_licence_has_no_balance_and_tells_the_amount():
    found = balances.licence_balance(Decimal("1000"), [ItemLedger(Decimal(1), debited=spent("1", "1250.75"))])
    assert (found.balance, found.overdrawn) == (Decimal("0"), Decimal("250.75"))


@pytest.mark.parametrize(("credit", "is_null"), [("499.99", True), ("500.00", False), ("0", True)])
def test_a_balance_below_500_is_null(credit, is_null):
    assert balances.licence_balance(Decimal(credit), []).is_null(below=Decimal(500)) is is_null


def test_credit_rows_of_a_boe_count_for_nothing():
    rows = [
        Entry("D", Decimal("10"), Decimal("100.10")),
        Entry("C", Decimal("99"), Decimal("9999")),
        Entry("D", Decimal("5.5"), Decimal("0.01")),
    ]
    assert balances.debited(rows) == Sums(Decimal("15.5"), Decimal("100.11"))


def test_an_allotment_counts_until_a_boe_is_attached():
    reserved = [
        Reservation(Decimal(10), Decimal(100), has_boe=False),
        Reservation(Decimal(7), Decimal(70), has_boe=True),
    ]
    assert balances.allotted(reserved) == Sums(Decimal(10), Decimal(100))


def test_an_unrestricted_item_may_use_the_whole_balance():
    items = [
        ItemLedger(Decimal(100), debited=spent("30", "400")),
        ItemLedger(Decimal(50), allotted=spent("50", "100")),
    ]
    assert balances.available(Decimal(1000), items) == [
        Sums(Decimal(70), Decimal(500)),
        Sums(Decimal(0), Decimal(500)),
    ]


def test_restricted_items_of_one_norm_and_percentage_share_a_pool():
    """10 % of 10,000 are 1,000, of which the two items together have used 300."""
    pool = {"is_restricted": True, "percentage": Decimal(10), "norm_class": "E1"}
    items = [
        ItemLedger(Decimal(100), **pool, debited=spent("1", "200")),
        ItemLedger(Decimal(100), **pool, allotted=spent("1", "100")),
        ItemLedger(Decimal(100)),
    ]
    assert [each.value for each in balances.available(Decimal(10000), items)] == [
        Decimal(700),
        Decimal(700),
        Decimal(9700),
    ]


def test_other_norms_and_percentages_are_other_pools():
    """E1 10 % has 1,000 − 600, E5 10 % has 1,000 − 50, E1 3 % has 300."""
    items = [
        ItemLedger(Decimal(1), True, Decimal(10), "E1", debited=spent("1", "600")),
        ItemLedger(Decimal(1), True, Decimal(10), "E5", debited=spent("1", "50")),
        ItemLedger(Decimal(1), True, Decimal(3), "E1"),
    ]
    assert [each.value for each in balances.available(Decimal(10000), items)] == [
        Decimal(400),
        Decimal(950),
        Decimal(300),
    ]


def test_a_pool_is_never_more_than_the_balance():
    items = [
        ItemLedger(Decimal(1), True, Decimal(50), "E1"),
        ItemLedger(Decimal(1), debited=spent("1", "9000")),
    ]
    assert balances.available(Decimal(10000), items)[0].value == Decimal(1000)


def test_a_used_up_pool_has_nothing_left():
    items = [ItemLedger(Decimal(1), True, Decimal(2), "E1", debited=spent("1", "250"))]
    assert balances.available(Decimal(10000), items)[0].value == 0


def test_restricted_without_a_percentage_is_not_limited():
    assert balances.available(Decimal(1000), [ItemLedger(Decimal(1), is_restricted=True)])[
        0
    ].value == Decimal(1000)


def test_a_percentage_of_an_unrestricted_item_does_not_limit_it_but_it_is_in_the_pool():
    items = [
        ItemLedger(Decimal(1), False, Decimal(10), "E1", debited=spent("1", "30")),
        ItemLedger(Decimal(1), True, Decimal(10), "E1"),
    ]
    assert [each.value for each in balances.available(Decimal(1000), items)] == [Decimal(970), Decimal(70)]


@pytest.mark.parametrize(
    ("credit", "percentage", "share"),
    [
        ("100.05", "10", "10.01"),
        ("100.04", "10", "10.00"),
        ("0.05", "50", "0.03"),
        ("333.33", "33.33", "111.10"),
    ],
)
def test_a_share_is_rounded_half_up_to_cents(credit, percentage, share):
    assert balances.share(Decimal(credit), Decimal(percentage)) == Decimal(share)


def test_more_taken_than_there_is_leaves_no_quantity():
    assert balances.available_quantity(ItemLedger(Decimal(10), debited=spent("8"), allotted=spent("3"))) == 0


EXPIRY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("moment", "expired"),
    [
        (datetime(2026, 11, 22, 18, 29, tzinfo=UTC), False),  # 23:59 in India: its last minute
        (datetime(2026, 11, 22, 18, 30, tzinfo=UTC), True),  # midnight in India, the 22nd still in UTC
        (datetime(2026, 11, 21, 18, 30, tzinfo=UTC), False),  # its last day begins in India
    ],
)
def test_a_licence_ends_with_its_day_in_india(moment, expired):
    assert balances.is_expired(EXPIRY, balances.day_in_india(moment)) is expired


@pytest.mark.parametrize("before", [True, False])
def test_without_an_expiry_date_nothing_changes(before):
    assert balances.is_expired(None, date(2026, 11, 22), before) is before
