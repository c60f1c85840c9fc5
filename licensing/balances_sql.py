"""The formulas of balances.py for many licences at once: one statement finds every figure that is not right.

SQLite keeps decimals as binary fractions, so there all sums run over whole cents and grams; PostgreSQL's
numeric is exact by itself.
"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.db import connection

from ims.lib.refusals import Refused

STATEMENT = """
WITH chosen AS (
    SELECT id, license_number, expiry_date, is_null, is_expired, is_stale,
           {balance_cif} AS balance, {overdrawn_cif} AS overdrawn
    FROM licensing_license WHERE id {among_ids}
), earned AS (
    SELECT license_id, SUM({cif_fc}) AS credit
    FROM licensing_exportitem WHERE license_id {among_ids} GROUP BY license_id
), item AS (
    SELECT id, license_id, serial, is_restricted, norm_class,
           {restriction_percentage} AS percentage, {quantity} AS quantity,
           {available_quantity} AS available_quantity, {available_value} AS available_value,
           {debited_quantity} AS debited_quantity, {debited_value} AS debited_value,
           {allotted_quantity} AS allotted_quantity, {allotted_value} AS allotted_value
    FROM licensing_importitem WHERE license_id {among_ids}
), debit AS (
    SELECT item_id, SUM({qty}) AS quantity, SUM({cif_fc}) AS value
    FROM licensing_boerow
    WHERE transaction_type = 'D' AND item_id {among_items} GROUP BY item_id
), reserved AS (
    SELECT item_id, SUM({qty}) AS quantity, SUM({cif_fc}) AS value
    FROM licensing_allotmentitem AS reservation
    WHERE item_id {among_items} AND NOT EXISTS (
        SELECT 1 FROM licensing_boeallotment AS boe WHERE boe.allotment_id = reservation.allotment_id
    ) GROUP BY item_id
), line AS (
    SELECT chosen.id AS license_id, item.id AS item_id, item.norm_class, item.percentage,
           COALESCE(earned.credit, 0) AS credit,
           COALESCE(debit.quantity, 0) AS new_debited_quantity, COALESCE(debit.value, 0) AS new_debited_value,
           COALESCE(reserved.quantity, 0) AS new_allotted_quantity,
           COALESCE(reserved.value, 0) AS new_allotted_value,
           COALESCE(debit.value, 0) + COALESCE(reserved.value, 0) AS used
    FROM chosen
    LEFT JOIN earned ON earned.license_id = chosen.id
    LEFT JOIN item ON item.license_id = chosen.id
    LEFT JOIN debit ON debit.item_id = item.id
    LEFT JOIN reserved ON reserved.item_id = item.id
), summed AS (
    SELECT line.*,
           credit - SUM(used) OVER (PARTITION BY license_id) AS unclamped,
           SUM(used) OVER (PARTITION BY license_id, norm_class, percentage) AS used_of_pool
    FROM line
), worked AS (
    SELECT chosen.id AS license_id, chosen.license_number, chosen.is_stale,
           chosen.balance, chosen.overdrawn, chosen.is_null, chosen.is_expired,
           {greatest}(0, summed.unclamped) AS new_balance,
           {greatest}(0, -summed.unclamped) AS new_overdrawn,
           {greatest}(0, summed.unclamped) < {null_below} AS new_is_null,
           CASE WHEN chosen.expiry_date IS NULL THEN chosen.is_expired
                ELSE chosen.expiry_date < {today} END AS new_is_expired,
           item.id AS item_id, item.serial,
           item.available_quantity, item.available_value, item.debited_quantity, item.debited_value,
           item.allotted_quantity, item.allotted_value,
           {greatest}(0, item.quantity - new_debited_quantity - new_allotted_quantity)
               AS new_available_quantity,
           CASE WHEN item.is_restricted AND item.percentage IS NOT NULL
                THEN {greatest}(0, {least}({greatest}(0, summed.unclamped), {share} - used_of_pool))
                ELSE {greatest}(0, summed.unclamped) END AS new_available_value,
           new_debited_quantity, new_debited_value, new_allotted_quantity, new_allotted_value
    FROM summed
    JOIN chosen ON chosen.id = summed.license_id
    LEFT JOIN item ON item.id = summed.item_id
), checked AS (
    SELECT worked.*,
           (balance <> new_balance OR overdrawn <> new_overdrawn OR is_null <> new_is_null
            OR is_expired <> new_is_expired OR is_stale) AS licence_differs,
           COALESCE(available_quantity <> new_available_quantity OR available_value <> new_available_value
            OR debited_quantity <> new_debited_quantity OR debited_value <> new_debited_value
            OR allotted_quantity <> new_allotted_quantity OR allotted_value <> new_allotted_value, FALSE)
               AS item_differs
    FROM worked
)
SELECT license_id, license_number, licence_differs,
       balance, overdrawn, is_null, is_expired,
       new_balance, new_overdrawn, new_is_null, new_is_expired,
       item_id, serial, item_differs,
       available_quantity, available_value, debited_quantity, debited_value,
       allotted_quantity, allotted_value,
       new_available_quantity, new_available_value, new_debited_quantity, new_debited_value,
       new_allotted_quantity, new_allotted_value
FROM checked
WHERE licence_differs OR {item_counts}
ORDER BY license_id, serial
"""
MONEY = ("cif_fc", "balance_cif", "overdrawn_cif", "available_value", "debited_value", "allotted_value",
         "restriction_percentage")  # fmt: skip
QUANTITIES = ("qty", "quantity", "available_quantity", "debited_quantity", "allotted_quantity")
MOST = Decimal(10) ** 13  # dollars that a figure can hold: 15 digits, two of them cents
MOST_QUANTITY = Decimal(10) ** 12


class FigureTooLarge(Refused):
    """The rows of a licence add up to more than a figure can hold."""

    def __init__(self, name: str, number: str, figure: Decimal) -> None:
        words = f"{name.replace('_', ' ')} of licence {number} would be {figure:,}"
        field = "quantity" if "quantity" in name else "cif_fc"
        super().__init__("too_large", f"The {words}, more than IMS can hold: correct the amount.", field)


class LicenceFigures(NamedTuple):
    balance_cif: Decimal
    overdrawn_cif: Decimal
    is_null: bool
    is_expired: bool


class ItemFigures(NamedTuple):
    available_quantity: Decimal
    available_value: Decimal
    debited_quantity: Decimal
    debited_value: Decimal
    allotted_quantity: Decimal
    allotted_value: Decimal


Figures = TypeVar("Figures", LicenceFigures, ItemFigures)


class LicenceChange(NamedTuple):
    licence_id: int
    number: str
    old: LicenceFigures
    new: LicenceFigures


class ItemChange(NamedTuple):
    item_id: int
    licence_id: int
    number: str  # of the licence
    serial: int
    old: ItemFigures
    new: ItemFigures


@dataclass
class Differences:
    """The rows whose stored figures are not what their ledger says."""

    licences: list[LicenceChange] = field(default_factory=list)
    items: list[ItemChange] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.licences or self.items)


def differences(licence_ids: Collection[int], today: date, *, items: bool = True) -> Differences:
    """What is not right among these licences, without writing. Raises FigureTooLarge."""
    found = Differences()
    for row in _rows(licence_ids, today, items):
        licence_id, number, licence_differs = row[:3]
        if licence_differs and (not found.licences or found.licences[-1].licence_id != licence_id):
            old, new = _licence_figures(row[3:7]), _licence_figures(row[7:11])
            found.licences.append(LicenceChange(licence_id, number, old, _bounded(number, new)))
        item_id, serial, item_differs = row[11:14]
        if items and item_differs:
            change = _item_figures(row[14:20]), _bounded(number, _item_figures(row[20:26]))
            found.items.append(ItemChange(item_id, licence_id, number, serial, *change))
    return found


# --- The two databases -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dialect:
    """How a database says it. Amounts leave it in units of 10**cents dollars and 10**grams of a quantity."""

    words: dict[str, str]
    ids: Callable[[Collection[int]], Any]
    cents: int = 0
    grams: int = 0

    def threshold(self, dollars: Decimal) -> Decimal | int:
        return int(dollars.scaleb(-self.cents)) if self.cents else dollars


COMMON = {"null_below": "%(below)s", "today": "%(today)s"}
POSTGRESQL = Dialect(
    words={
        **{name: name for name in (*MONEY, *QUANTITIES)},
        **COMMON,
        "today": "CAST(%(today)s AS date)",
        "among_ids": "= ANY(%(ids)s)",
        # As an array, so that the planner looks the items up in the index and does not read the whole ledger.
        "among_items": "= ANY(ARRAY(SELECT id FROM item))",
        "greatest": "GREATEST",
        "least": "LEAST",
        "share": "ROUND(summed.credit * item.percentage * 0.01, 2)",
    },
    ids=list,
)
SQLITE = Dialect(
    words={
        **{name: f"CAST(ROUND({name} * 100) AS INTEGER)" for name in MONEY},
        **{name: f"CAST(ROUND({name} * 1000) AS INTEGER)" for name in QUANTITIES},
        **COMMON,
        "among_ids": "IN (SELECT value FROM json_each(%(ids)s))",
        "among_items": "IN (SELECT id FROM item)",
        "greatest": "MAX",
        "least": "MIN",
        # Of cents and hundredths of a percent; in two steps, because whole numbers end at 2**63.
        "share": "(summed.credit / 10000 * item.percentage"
        " + (summed.credit %% 10000 * item.percentage + 5000) / 10000)",
    },
    ids=lambda ids: json.dumps(list(ids)),
    cents=-2,
    grams=-3,
)
DIALECTS = {"postgresql": POSTGRESQL, "sqlite": SQLITE}


def _rows(licence_ids: Collection[int], today: date, items: bool) -> Iterator[tuple[Any, ...]]:
    dialect = DIALECTS[connection.vendor]
    statement = STATEMENT.format(**dialect.words, item_counts="item_differs" if items else "FALSE")
    below = dialect.threshold(Decimal(settings.LICENCE_NULL_BELOW_USD))
    values = {"ids": dialect.ids(licence_ids), "today": today.isoformat(), "below": below}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        yield from cursor.fetchall()


def _licence_figures(cells: tuple[Any, ...]) -> LicenceFigures:
    balance, overdrawn, is_null, is_expired = cells
    return LicenceFigures(_money(balance), _money(overdrawn), bool(is_null), bool(is_expired))


def _item_figures(cells: tuple[Any, ...]) -> ItemFigures:
    quantities = [_quantity(cell) for cell in cells[::2]]
    values = [_money(cell) for cell in cells[1::2]]
    pairs = zip(quantities, values, strict=True)
    return ItemFigures(*(figure for pair in pairs for figure in pair))


def _money(cell: Decimal | int) -> Decimal:
    return cell if isinstance(cell, Decimal) else Decimal(cell).scaleb(DIALECTS[connection.vendor].cents)


def _quantity(cell: Decimal | int) -> Decimal:
    return cell if isinstance(cell, Decimal) else Decimal(cell).scaleb(DIALECTS[connection.vendor].grams)


def _bounded(number: str, figures: Figures) -> Figures:
    for name, figure in figures._asdict().items():
        if not isinstance(figure, bool) and figure >= (MOST_QUANTITY if "quantity" in name else MOST):
            raise FigureTooLarge(name, number, figure)
    return figures
