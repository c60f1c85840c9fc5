"""Reserving and booking: never more than there is, whoever else asks at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from licensing import allotting
from licensing.lines import Line, Refused
from licensing.models import Allotment, BillOfEntry, BOERow, ImportItem, License

pytestmark = pytest.mark.django_db
BOE = {"number": "77", "date": date(2026, 11, 1), "port": "INNSA1"}


def line(item: ImportItem, qty: object = 1, cif: object = 1) -> Line:
    return Line(item.pk, Decimal(qty), Decimal(cif))


@pytest.fixture
def allot(today) -> Callable[..., Allotment]:
    return lambda *lines: allotting.allot(lines, None, today, company="Sweet Imports")


@pytest.fixture
def book(today) -> Callable[..., BillOfEntry]:
    def booked(*lines: Line, allotments: tuple[Allotment, ...] = (), **facts: object) -> BillOfEntry:
        ids = [allotment.pk for allotment in allotments]
        return allotting.book(lines or None, ids, None, today, **{**BOE, **facts})

    return booked


def test_an_allotment_takes_from_the_balance_and_the_item(allot, item):
    made = allot(line(item, 100, "2500.50"))
    assert (made.required_quantity, made.cif_fc) == (100, Decimal("2500.50"))
    item.refresh_from_db()
    assert (item.available_quantity, item.available_value) == (900, Decimal("7499.50"))


def test_lines_that_are_too_large_together_are_refused(allot, licence):
    first, second = licence(items=[{"quantity": "600000000000"}] * 2).import_items.all()
    with pytest.raises(Refused, match="more than IMS can hold: make it two allotments") as refused:
        allot(line(first, "600000000000"), line(second, "600000000000"))
    assert refused.value.field == "items.1.qty"


def test_the_last_dollar_and_the_last_gram_may_be_taken(allot, item):
    allot(line(item, "1000.000", "10000.00"))
    assert License.objects.get().balance_cif == 0


@pytest.mark.parametrize(
    ("qty", "cif", "field", "why"),
    [
        ("1000.001", "1", "items.0.qty", "L-1 item 1 has 1,000.000 kg left, not 1,000.001"),
        ("1", "10000.01", "items.0.cif_fc", "L-1 item 1 has 10,000.00 USD left, not 10,000.01"),
        ("0", "0", "items.0.qty", "above 0"),
    ],
)
def test_more_than_there_is_is_refused_with_what_there_is(allot, item, qty, cif, field, why):
    with pytest.raises(Refused, match=why) as refused:
        allot(line(item, qty, cif))
    assert refused.value.field == field
    assert not Allotment.objects.exists()


def test_two_lines_together_may_not_exceed_the_balance(allot, licence):
    first, second = licence(items=[{}, {}]).import_items.all()
    with pytest.raises(Refused, match=r"item 2 has 4,000\.00 USD left"):
        allot(line(first, 1, 6000), line(second, 1, 6000))


def test_a_restricted_norm_is_limited_to_its_share(allot, licence):
    pool = {"is_restricted": True, "restriction_percentage": Decimal(10), "norm_class": "E1"}
    first, second = licence(items=[pool, pool]).import_items.all()
    allot(line(first, 1, 700))
    with pytest.raises(
        Refused, match=r"300\.00 USD left \(its norm may use 10 % of the credit, 1,000\.00 USD\)"
    ):
        allot(line(second, 1, 301))


def test_an_expired_licence_is_refused(allot, licence, today):
    yesterday = today - timedelta(days=1)
    item = licence(expiry_date=yesterday).import_items.get()
    with pytest.raises(Refused, match="expired on"):
        allot(line(item))


def test_on_its_last_day_a_licence_may_be_used(allot, licence, today):
    allot(line(licence(expiry_date=today).import_items.get()))


def test_an_inactive_licence_is_refused(allot, licence):
    with pytest.raises(Refused, match="not active"):
        allot(line(licence(is_active=False).import_items.get()))


def test_an_unknown_item_is_refused(allot, db):
    with pytest.raises(Refused, match="no import item 999"):
        allot(Line(999, Decimal(1), Decimal(1)))


def test_a_released_allotment_gives_back(allot, item):
    allotting.release(allot(line(item, 1, 400)), None)
    assert License.objects.get().balance_cif == 10000


# --- booking --------------------------------------------------------------------------------------------
def test_booking_an_allotment_debits_what_it_reserved_once(allot, book, item):
    made = allot(line(item, 100, 4000))
    boe = book(allotments=(made,), exchange_rate=Decimal("84.125"))
    row = boe.rows.get()
    assert (row.qty, row.cif_fc, row.cif_inr) == (100, 4000, Decimal("336500.00"))
    item.refresh_from_db()
    assert (item.allotted_value, item.debited_value) == (0, 4000)
    assert License.objects.get().balance_cif == 6000


def test_the_whole_balance_can_be_reserved_and_then_debited(allot, book, item):
    book(allotments=(allot(line(item, 1000, 10000)),))
    assert License.objects.get().balance_cif == 0


def test_customs_may_debit_another_amount_than_was_reserved(allot, book, item):
    book(line(item, 90, 3900), allotments=(allot(line(item, 100, 4000)),))
    assert License.objects.get().balance_cif == 6100


def test_a_booking_beyond_the_balance_is_refused_and_nothing_is_written(allot, book, item):
    made = allot(line(item, 100, 4000))
    with pytest.raises(Refused, match=r"10,000\.00 USD left, not 10,000\.01"):
        book(line(item, 1, "10000.01"), allotments=(made,))
    assert not BillOfEntry.objects.exists()
    assert License.objects.get().balance_cif == 6000


def test_a_known_boe_debits_an_item_once(allot, book, item):
    """Customs' rows were there before the allotment was attached."""
    book(line(item, 100, 4000))
    made = allot(line(item, 100, 4000))
    assert License.objects.get().balance_cif == 2000
    book(allotments=(made,))
    assert BOERow.objects.count() == 1
    assert License.objects.get().balance_cif == 6000


def test_an_allotment_is_booked_once(allot, book, item):
    made = allot(line(item, 100, 4000))
    book(allotments=(made,))
    with pytest.raises(Refused, match=f"Allotment {made.pk} is on BOE 77 already"):
        book(allotments=(made,), number="78")


def test_an_allotment_whose_goods_came_in_is_not_released(allot, book, item):
    made = allot(line(item, 100, 4000))
    book(allotments=(made,))
    with pytest.raises(Refused, match="BOE 77 is attached"):
        allotting.release(made, None)


def test_what_was_booked_since_it_was_looked_at_is_not_released(allot, book, item):
    allot(line(item, 100, 4000))
    seen = Allotment.objects.prefetch_related("bills_of_entry").get()
    book(allotments=(seen,))
    with pytest.raises(Refused, match="BOE 77 is attached"):
        allotting.release(seen, None)


# --- two at once ----------------------------------------------------------------------------------------
def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each call answered or raised, all begun at the same moment on connections of their own."""
    start = Barrier(len(calls))

    def one(call: Callable[[], object]) -> object:
        try:
            start.wait(timeout=10)
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


@pytest.mark.django_db(transaction=True)
def test_of_two_who_race_for_the_last_dollar_one_wins_and_the_other_is_told(allot, item):
    answers = at_once(*[lambda: allot(line(item, 1, 6000))] * 2)
    assert sorted(type(answer).__name__ for answer in answers) == ["Allotment", "Refused"]
    [refused] = [answer for answer in answers if isinstance(answer, Refused)]
    assert "has 4,000.00 USD left, not 6,000.00" in str(refused)
    assert License.objects.get().balance_cif == 4000


@pytest.mark.django_db(transaction=True)
def test_of_many_who_race_for_the_quantity_as_many_win_as_it_holds(allot, item):
    answers = at_once(*[lambda: allot(line(item, 300, 10))] * 6)
    assert sum(isinstance(answer, Allotment) for answer in answers) == 3
    item.refresh_from_db()
    assert (item.allotted_quantity, item.available_quantity) == (900, 100)


@pytest.mark.django_db(transaction=True)
def test_allotments_over_the_same_licences_in_other_orders_wait_for_no_one_in_a_circle(allot, licence):
    first = licence("L-1").import_items.get()
    second = licence("L-2").import_items.get()
    there, back = (line(first), line(second)), (line(second), line(first))
    answers = at_once(*[lambda: allot(*there), lambda: allot(*back)] * 4)
    assert all(isinstance(answer, Allotment) for answer in answers), answers


@pytest.mark.django_db(transaction=True)
def test_one_allotment_booked_twice_at_once_is_debited_once(allot, book, item):
    made = allot(line(item, 100, 4000))
    answers = at_once(*[lambda n=n: book(allotments=(made,), number=str(n)) for n in range(3)])
    assert sum(isinstance(answer, BillOfEntry) for answer in answers) == 1
    assert License.objects.get().balance_cif == 6000


@pytest.mark.django_db(transaction=True)
def test_an_allotment_that_is_booked_and_released_at_once_is_one_of_the_two(allot, book, item):
    for number in range(2):
        made = allot(line(item, 10, 1000))
        answers = at_once(
            lambda made=made, number=number: book(allotments=(made,), number=str(number)),
            lambda made=made: allotting.release(made, None),
        )
        assert sum(isinstance(answer, Refused) for answer in answers) == 1, answers
        assert Allotment.objects.filter(pk=made.pk).exists() == isinstance(answers[0], BillOfEntry)
    assert License.objects.get().balance_cif == 10_000 - 1000 * BillOfEntry.objects.count()
