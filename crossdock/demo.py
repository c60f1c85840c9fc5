"""A believable trade in parts for `make run`: two groups of suppliers and their offers, kept fresh.

Only where DEBUG is on.
"""

import random
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils.timezone import now

from crossdock.models import BrandAlias, Offer, Supplier, SupplierGroup

PREFIX = "DEMO-"  # of the demo's supplier codes
GROUPS = {
    "Группа для проценки ТРЕШКА": (
        "АвтоАльянс",
        "Форвард Партс",
        "Мир Запчастей",
        "Север-Авто",
        "ТехноДеталь",
    ),
    "ОПТ-2": ("Опт Партс Юг", "Берг Трейд", "Мир Запчастей", "Восток Моторс", "Деталь-Опт", "Парт-Коннект"),
}
BRANDS = ("Toyota", "hyundai/kia", "Bosch", "Mann-Filter", "NGK", "ВАЗ", "Febi", "Lemforder")
PARTS = 400  # articles of each brand
SHARE = 0.55  # of all parts that a supplier offers


def fill() -> int:
    """Make what is missing of the demo, never what people changed; returns how many offers are new."""
    suppliers = [supplier for name, members in GROUPS.items() for supplier in add_group(name, members)]
    BrandAlias.objects.get_or_create(
        alias_key="hyundai/kia/mobis", defaults={"alias": "hyundai/kia/mobis", "brand": "hyundai/kia"}
    )
    if Offer.objects.filter(supplier__supid__startswith=PREFIX).exists():
        freshen(now())
        return 0
    chance = random.Random(20261122)  # noqa: S311 - the same trade each time
    offers = [
        offer
        for brand in BRANDS
        for article in articles(brand)
        for offer in offers_for(chance, brand, article, list(dict.fromkeys(suppliers)))
    ]
    Offer.objects.bulk_create(offers, batch_size=1_000)
    return len(offers)


def add_group(name: str, members: tuple[str, ...]) -> list[Supplier]:
    group = SupplierGroup.objects.get_or_create(name=name)[0]
    suppliers = [add_supplier(member) for member in members]
    group.suppliers.add(*suppliers)
    return suppliers


def add_supplier(name: str) -> Supplier:
    names = sorted({member for members in GROUPS.values() for member in members})
    code = f"{PREFIX}{names.index(name) + 1:02d}"
    return Supplier.objects.get_or_create(supid=code, defaults={"name": name})[0]


def articles(brand: str) -> list[str]:
    """The same articles each time; some begin with zeros, as real ones do."""
    chance = random.Random(brand)  # noqa: S311
    return [f"{chance.randrange(10**9):010d}" for _ in range(PARTS)]


def offers_for(chance: random.Random, brand: str, article: str, suppliers: list[Supplier]) -> list[Offer]:
    usual = Decimal(chance.randint(150, 30_000))
    return [
        Offer(
            supplier=supplier,
            brand=brand if brand != "hyundai/kia" or chance.random() < 0.7 else "hyundai/kia/mobis",
            article=article,
            price=(usual * Decimal(chance.randint(85, 125)) / 100).quantize(Decimal("0.01")),
            quantity=chance.choice((0, 1, 2, 5, 10, 40)),
            updated_at=now() - timedelta(minutes=chance.randint(1, 1200)),
        )
        for supplier in suppliers
        if chance.random() < SHARE
    ]


def freshen(at: datetime) -> int:
    """Suppliers confirm their offers, as if a price list had come; returns how many."""
    old = Offer.objects.filter(supplier__supid__startswith=PREFIX, updated_at__lt=at - timedelta(hours=12))
    return old.update(updated_at=at)


def request_rows(count: int = 60) -> list[tuple[str, str]]:
    """Parts for a first price request: most are known."""
    chance = random.Random(7)  # noqa: S311
    known = [(brand, article) for brand in BRANDS for article in articles(brand)[:12]]
    return [chance.choice(known) if chance.random() < 0.92 else ("Toyota", "NOT-KNOWN") for _ in range(count)]
