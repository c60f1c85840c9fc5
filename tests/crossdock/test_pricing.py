"""The three best offers for a part: the rule, and that the view says what the original query says."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils.timezone import now
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from crossdock import view
from crossdock.models import BrandAlias, Offer, OfferChange, PriceView, Supplier, SupplierGroup
from crossdock.original import query_supplier_data
from crossdock.pricing import QUERY, VIEW, Pricer
from tests.crossdock.conftest import GROUP, OTHER_GROUP

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[VIEW, QUERY])
def best(request, group):
    """Price one part from the view, and by the original query: `best("KIA", "0012")`."""

    def ask(brand: str, article: str, group: str = GROUP) -> list[tuple[str, int, str]]:
        if request.param == VIEW:
            view.refresh()
        pricer = Pricer(group, now())
        assert pricer.source == request.param, pricer.reason
        part = pricer.part(brand, article)
        return [(str(f.price), f.quantity, f.supplier) for f in pricer.best([part]).get(part, [])]

    return ask


# --- the rule -----------------------------------------------------------------------------------------------
def test_the_three_cheapest_suppliers_come_first(best, offer):
    for supplier, price in [("D", "40"), ("B", "20"), ("A", "10.5"), ("C", "30")]:
        offer("KIA", "0012", price, by=supplier)
    assert best("KIA", "0012") == [("10.50", 5, "A"), ("20.00", 5, "B"), ("30.00", 5, "C")]


def test_of_equal_prices_the_suppliers_name_decides(best, offer):
    for supplier in ("Б", "А", "B"):
        offer("KIA", "1", "10", by=supplier)
    assert [name for _, _, name in best("KIA", "1")] == ["B", "А", "Б"]


@pytest.mark.parametrize(
    ("brand", "article"), [("kia", "0012a"), (" KIA ", " 0012A "), ("Kia", "0012A\u00a0")]
)
def test_case_and_blanks_around_do_not_count(best, offer, brand, article):
    offer("  Kia", "0012a ", "10")
    assert len(best(brand, article)) == 1


def test_russian_and_german_letters_are_folded_too(best, offer):
    offer("ВАЗ", "Straße", "10")
    assert len(best("ваз", "STRASSE")) == 1


@pytest.mark.parametrize("article", ["12", "012", "00120", "0012.0"])
def test_zeros_count(best, offer, article):
    offer("KIA", "0012", "10")
    assert best("KIA", article) == []


def test_nothing_in_stock_is_no_offer(best, offer):
    offer("KIA", "1", "10", quantity=0)
    assert best("KIA", "1") == []


def test_an_offer_counts_for_two_days(best, offer):
    offer("KIA", "1", "10", by="Fresh", hours=47.9)
    offer("KIA", "1", "9", by="Stale", hours=48.1)
    assert [name for _, _, name in best("KIA", "1")] == ["Fresh"]


def test_only_suppliers_of_the_group_are_asked(best, offer):
    other = SupplierGroup.objects.get_or_create(name=OTHER_GROUP)[0]
    offer("KIA", "1", "10", by="Ours")
    theirs = offer("KIA", "1", "9", by="Theirs")
    theirs.supplier.groups.set([other])
    assert [name for _, _, name in best("KIA", "1")] == ["Ours"]
    assert [name for _, _, name in best("KIA", "1", OTHER_GROUP)] == ["Theirs"]


def test_two_names_of_a_brand_are_one_brand_and_its_newest_offer_counts(best, offer):
    BrandAlias.objects.get_or_create(
        alias_key="hyundai/kia/mobis", defaults={"alias": "hyundai/kia/mobis", "brand": "hyundai/kia"}
    )
    offer("Hyundai/KIA", "1", "10", hours=5)
    offer("HYUNDAI/KIA/MOBIS", "1", "20", hours=1)
    for asked in ("hyundai/kia", "Hyundai/Kia/Mobis"):
        assert best(asked, "1") == [("20.00", 5, "Alpha")]


def test_a_newer_offer_out_of_stock_does_not_hide_an_older_one(best, offer):
    BrandAlias.objects.get_or_create(alias_key="mobis", defaults={"alias": "Mobis", "brand": "KIA"})
    offer("KIA", "1", "10", hours=5)
    offer("Mobis", "1", "20", hours=1, quantity=0)
    assert best("KIA", "1") == [("10.00", 5, "Alpha")]


def test_of_two_offers_at_once_the_cheaper_counts(best, offer):
    BrandAlias.objects.get_or_create(alias_key="mobis", defaults={"alias": "Mobis", "brand": "KIA"})
    first, second = offer("KIA", "1", "20"), offer("Mobis", "1", "10")
    Offer.objects.update(updated_at=first.updated_at)
    assert best("KIA", "1") == [(f"{second.price}.00", 5, "Alpha")]


def test_an_unknown_group_has_no_offers(best, offer):
    offer("KIA", "1", "10")
    assert best("KIA", "1", "No such group") == []


def test_keys_are_kept_in_bulk_too(group):
    supplier = Supplier.objects.create(supid="1", name="A")
    Offer.objects.bulk_create([Offer(supplier=supplier, brand=" KIA", article="A1 ", price=1)])
    assert Offer.objects.values_list("brand_key", "article_key").get() == ("kia", "a1")


# --- the view says what the original query says -------------------------------------------------------------
BRANDS = st.sampled_from(["KIA", "kia ", "Mobis", "ВАЗ", "hyundai/kia", "Straße", "STRASSE", "'; --", "%s"])
ARTICLES = st.sampled_from(["1", "01", "A-1", "a-1", "1 ", "Ё", "\\", '"', "{}"])
ROWS = st.lists(
    st.tuples(
        st.sampled_from("ABCDE"),  # supplier
        BRANDS,
        ARTICLES,
        st.decimals("0", "30", places=1),
        st.integers(0, 2),  # quantity
        st.sampled_from([0.5, 24, 47.99, 48.01, 100]),  # hours ago
    ),
    max_size=25,
)


class TestEquality(TestCase):
    """On whichever database the tests run."""

    @settings(deadline=None, max_examples=40)
    @given(ROWS, st.lists(st.tuples(BRANDS, ARTICLES), min_size=1, max_size=12))
    def test_the_view_says_what_the_original_query_says(self, rows, parts):
        moment = now()
        store(rows, moment)
        view.refresh()
        pricer = Pricer(GROUP, moment)
        assert pricer.source == VIEW
        found = pricer.best(pricer.part(*part) for part in parts)
        assert [found.get(pricer.part(*part), []) for part in parts] == [
            query_supplier_data(*part, GROUP, at=moment) for part in parts
        ]


def store(rows, moment) -> None:
    BrandAlias.objects.update_or_create(alias_key="mobis", defaults={"alias": "Mobis", "brand": "KIA"})
    inside = SupplierGroup.objects.create(name=GROUP)
    suppliers = {name: Supplier.objects.create(supid=name, name=name.replace("E", "A")) for name in "ABCDE"}
    inside.suppliers.set(supplier for name, supplier in suppliers.items() if name != "D")
    offers = [
        Offer(
            supplier=suppliers[name],
            brand=brand,
            article=article,
            price=price,
            quantity=quantity,
            updated_at=moment - timedelta(hours=hours),
        )
        for name, brand, article, price, quantity, hours in rows
    ]
    Offer.objects.bulk_create(offers, ignore_conflicts=True)


# --- which of the two, and why ------------------------------------------------------------------------------
def reason() -> str:
    return Pricer(GROUP, now()).reason


def test_a_view_never_made_is_not_asked(group):
    PriceView.objects.all().delete()
    assert "never made" in reason()


def test_a_fresh_view_is_asked(offer):
    offer("KIA", "1", "10")
    view.refresh()
    assert reason() == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda: Offer.objects.create(supplier=Supplier.objects.get(), brand="K", article="2", price=1),
        lambda: Offer.objects.update(price=2),
        lambda: Offer.objects.all().delete(),
        lambda: BrandAlias.objects.create(alias="x", brand="y"),
    ],
    ids=["insert", "update", "delete", "alias"],
)
def test_whatever_is_written_makes_the_view_stale(offer, change):
    offer("KIA", "1", "10")
    view.refresh()
    change()
    assert "written since" in reason()
    view.refresh()
    assert reason() == ""


def test_a_view_older_than_the_setting_is_stale(group, settings):
    settings.CROSSDOCK_VIEW_MINUTES = 15
    view.refresh()
    PriceView.objects.update(refreshed_at=now() - timedelta(minutes=16))
    assert "older than 15 minutes" in reason()


def drop_view() -> None:
    kind = "MATERIALIZED VIEW" if connection.vendor == "postgresql" else "TABLE"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP {kind} crossdock_best_offer")


def test_without_the_view_the_original_query_answers(offer):
    offer("KIA", "1", "10")
    view.refresh()
    drop_view()
    assert "missing" in reason()
    assert Pricer(GROUP, now()).best([("kia", "1")])[("kia", "1")][0].price == Decimal("10")


def test_a_view_that_fails_in_between_is_left_for_the_original_query(offer):
    offer("KIA", "1", "10")
    view.refresh()
    pricer = Pricer(GROUP, now())
    assert pricer.source == VIEW
    drop_view()
    assert pricer.best([("kia", "1")])[("kia", "1")][0].price == Decimal("10")
    assert pricer.source == QUERY
    assert "failed" in pricer.reason


def test_refreshing_takes_away_only_the_notes_it_has_seen(offer):
    offer("KIA", "1", "10")
    assert OfferChange.objects.exists()
    made = view.refresh()
    assert made.rows == 1
    assert not OfferChange.objects.exists()
