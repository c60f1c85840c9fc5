"""A believable trader's licences for `make run`: a few hundred in all states. Only where DEBUG is on."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.timezone import now

from licensing import ledger, recalculation
from licensing.balances import CENT, GRAM, day_in_india
from licensing.models import (
    Allotment,
    AllotmentItem,
    BillOfEntry,
    BOEAllotment,
    BOERow,
    ExportItem,
    ImportItem,
    License,
    PurchaseStatus,
    TransactionType,
)

PREFIX = "0310"  # of the demo's licence numbers
LICENCES = 320
EXPORTERS = ("Surya Confectionery", "Malabar Foods", "Deccan Biscuits", "Konkan Spices", "Narmada Plastics")
IMPORTERS = ("Sweet Imports", "Bharat Polymers", "Coastal Traders", "Vadodara Dairy")
PORTS = ("INNSA1", "INMUN1", "INMAA1", "INCCU1")
GOODS: tuple[tuple[str, str, str, str, str | None, str], ...] = (
    # HS code, goods, unit, USD for a unit, percentage of the credit for restricted ones, norm
    ("17011490", "Raw sugar", "kg", "0.55", None, "E1"),
    ("08013220", "Cashew kernels", "kg", "6.20", "10", "E1"),
    ("15131100", "Coconut oil, crude", "kg", "1.35", "3", "E1"),
    ("04021010", "Skimmed milk powder", "kg", "3.10", "5", "E5"),
    ("18050000", "Cocoa powder", "kg", "4.80", None, "E5"),
    ("39021000", "Polypropylene granules", "kg", "1.05", None, "H7"),
    ("48010000", "Newsprint", "kg", "0.70", None, "H7"),
    ("33021010", "Food flavours", "kg", "14.50", "2", "E5"),
)
ENDS = (  # how many of a hundred licences end up how
    ("fresh", 18),
    ("used", 45),
    ("null", 14),
    ("expiring", 12),
    ("expired", 7),
    ("undated", 2),
    ("overdrawn", 2),
)


def fill() -> int:
    """Make the licences unless they are there; returns how many are new."""
    if License.objects.filter(license_number__startswith=PREFIX).exists():
        return 0
    Firm(random.Random(20261122), day_in_india(now())).make(LICENCES)  # noqa: S311 - the same each time
    return LICENCES


class Firm:
    """Collects the rows of all licences, then writes each kind at once."""

    def __init__(self, chance: random.Random, today: date) -> None:
        self.chance = chance
        self.today = today
        self.items: list[ImportItem] = []
        self.exports: list[ExportItem] = []
        self.boes: list[BillOfEntry] = []
        self.rows: list[BOERow] = []
        self.allotments: list[Allotment] = []
        self.reservations: list[AllotmentItem] = []
        self.attached: list[BOEAllotment] = []

    def make(self, count: int) -> None:
        names, weights = zip(*ENDS, strict=True)
        ends = self.chance.choices(names, weights, k=count)
        licences = [self.licence(number, end) for number, end in enumerate(ends)]
        with ledger.changes() as block:
            License.objects.bulk_create(licences)
            block.take(licence.pk for licence in licences)
            for licence, end in zip(licences, ends, strict=True):
                self.fill(licence, end)
            owners: list[list[Any]] = [self.exports, self.items, self.boes, self.allotments]
            owned: list[list[Any]] = [self.rows, self.reservations, self.attached]
            for rows in owners + owned:
                type(rows[0]).objects.bulk_create(rows)
            block.notes.clear()  # nobody changed anything yet
            recalculation.recalculate(block.touched, self.today)

    def licence(self, number: int, end: str) -> License:
        age = self.chance.randint(40, 640)
        left = {
            "expiring": self.chance.randint(0, 89),
            "expired": -self.chance.randint(1, 200),
        }.get(end, self.chance.randint(120, 700))
        return License(
            license_number=f"{PREFIX}{837000 + number * 7}",
            license_date=self.today - timedelta(days=age + max(0, -left)),
            expiry_date=None if end == "undated" else self.today + timedelta(days=left),
            exporter=self.chance.choice(EXPORTERS),
            port=self.chance.choice(PORTS),
            scheme_code="26",
            notification_code="025/2023",
            purchase_status=self.chance.choice(
                (PurchaseStatus.OWN, PurchaseStatus.OWN, PurchaseStatus.PURCHASED)
            ),
            is_active=self.chance.random() > 0.02,
        )

    def fill(self, licence: License, end: str) -> None:
        credit = Decimal(self.chance.randint(20_000, 400_000))
        parts = [credit * 6 / 10, credit * 4 / 10] if self.chance.random() < 0.4 else [credit]
        for part in parts:
            self.exports.append(
                ExportItem(
                    license=licence,
                    description=self.chance.choice(("Biscuits, assorted", "Confectionery", "Woven sacks")),
                    quantity=(part / 4).quantize(GRAM),
                    net_quantity=(part / 5).quantize(GRAM),
                    fob=(part * 9 / 10).quantize(CENT),
                    cif_fc=part.quantize(CENT),
                    cif_inr=(part * 84).quantize(CENT),
                )
            )
        items = self.import_items(licence, credit)
        used = {"fresh": 0.0, "null": 0.999, "overdrawn": 1.08}.get(end, self.chance.uniform(0.1, 0.85))
        self.use(licence, items[0], credit * Decimal(str(round(used, 3))), end)

    def import_items(self, licence: License, credit: Decimal) -> list[ImportItem]:
        """The first is not restricted and large enough for all of the credit."""
        free = [good for good in GOODS if good[4] is None]
        chosen = [self.chance.choice(free)]
        chosen += self.chance.sample(
            [good for good in GOODS if good not in chosen], self.chance.randint(1, 4)
        )
        made = []
        for serial, (code, goods, unit, value, percentage, norm) in enumerate(chosen, start=1):
            share = credit * Decimal(percentage) / 100 if percentage else credit
            made.append(
                ImportItem(
                    license=licence,
                    serial=serial,
                    hs_code=code if self.chance.random() > 0.01 else "",
                    description=goods,
                    quantity=(share * Decimal("1.15") / Decimal(value)).quantize(GRAM),
                    unit=unit,
                    cif_fc=share.quantize(CENT),
                    is_restricted=percentage is not None,
                    restriction_percentage=Decimal(percentage) if percentage else None,
                    norm_class=norm,
                )
            )
        self.items += made
        return made

    def use(self, licence: License, item: ImportItem, amount: Decimal, end: str) -> None:
        """Take so much of it: in several bills of entry, some by allotments, perhaps some still reserved."""
        begun = licence.license_date or self.today
        days = max(2, (min(self.today, licence.expiry_date or self.today) - begun).days)
        parts = self.chance.randint(1, 5) if amount else 0
        for part in range(parts):
            value = (amount / parts).quantize(CENT)
            quantity = (value * item.quantity / item.cif_fc * Decimal("0.85")).quantize(GRAM)
            still_reserved = part == parts - 1 and end in ("used", "expiring") and self.chance.random() < 0.5
            allotment = (
                self.allotment(item, quantity, value)
                if self.chance.random() < 0.5 or still_reserved
                else None
            )
            if still_reserved:
                continue
            day = begun + timedelta(days=days * (part + 1) // (parts + 1))
            boe = self.boe(day, licence)
            if allotment:
                self.attached.append(BOEAllotment(bill_of_entry=boe, allotment=allotment))
            rupees = (value * boe.exchange_rate).quantize(CENT)
            self.rows.append(BOERow(bill_of_entry=boe, item=item, qty=quantity, cif_fc=value, cif_inr=rupees))
        if self.rows and self.rows[-1].item is item and self.chance.random() < 0.05:
            boe = self.rows[-1].bill_of_entry
            kind = TransactionType.CREDIT
            self.rows.append(
                BOERow(bill_of_entry=boe, item=item, transaction_type=kind, cif_fc=amount.quantize(CENT))
            )

    def boe(self, day: date, licence: License) -> BillOfEntry:
        self.boes.append(
            BillOfEntry(
                company=self.chance.choice(IMPORTERS),
                number=str(7_000_000 + len(self.boes)),
                date=day,
                port=licence.port,
                exchange_rate=Decimal(self.chance.randint(8200, 8600)) / 100,
            )
        )
        return self.boes[-1]

    def allotment(self, item: ImportItem, quantity: Decimal, value: Decimal) -> Allotment:
        made = Allotment(
            company=self.chance.choice(IMPORTERS),
            description=item.description,
            hs_code=item.hs_code,
            required_quantity=quantity,
            cif_fc=value,
            invoice=f"INV-{2600 + len(self.allotments)}",
            expected_on=self.today + timedelta(days=self.chance.randint(3, 40)),
            created_at=now() - timedelta(days=self.chance.randint(0, 20)),
        )
        self.allotments.append(made)
        self.reservations.append(AllotmentItem(allotment=made, item=item, qty=quantity, cif_fc=value))
        return made
