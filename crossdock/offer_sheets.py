"""Suppliers' price lists as spreadsheets: their columns, and each row as an offer or as what is wrong."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO

from django.utils.dateparse import parse_date, parse_datetime

from crossdock.keys import LONGEST, key
from ims.imports.rows import excel_error
from ims.lib.sheets import Limits, SheetError, find_columns, read_rows

NEEDED = {
    "brand": ("Бренд", "Brand", "Производитель"),
    "article": ("Артикул", "Article", "SKU", "Номер"),
    "price": ("Цена", "Price"),
    "quantity": ("Количество", "Quantity", "Qty", "Остаток", "Наличие"),
}
OPTIONAL = {
    "supplier": ("Поставщик", "Supplier", "Код поставщика", "supid"),
    "updated_at": ("Обновлено", "Updated", "Updated at", "Дата"),
}
LIMITS = Limits(file_bytes=200_000_000, unpacked_bytes=2_000_000_000, rows=1_048_576, columns=200)
MOST_PIECES = 2_147_483_647
MOST_MONEY = Decimal("9999999999.99")
CENT = Decimal("0.01")
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # no price list is older; and no database holds every year
TOMORROW = timedelta(days=1)  # a zone ahead of ours may be there already
AMBIGUOUS_PRICE = re.compile(r"[1-9]\d{0,2},\d{3}")  # 1,250 may be 1250 or 1.25
AMBIGUOUS_QUANTITY = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
LONGEST_NUMBER = 40  # characters; beyond it is no number
MORE_THAN = re.compile(r"^[>≥~+]\s*|\s*\+$")  # “>10” and “10+” are at least ten


@dataclass(frozen=True)
class Row:
    number: int
    supplier_id: int
    brand: str
    article: str
    price: Decimal
    quantity: int
    updated_at: datetime

    @property
    def key(self) -> tuple[int, str, str]:
        return self.supplier_id, key(self.brand), key(self.article)


@dataclass(frozen=True)
class RowError:
    row: int
    column: str
    message: str


class Wrong(ValueError):
    """A cell cannot be used; the message says what to do."""


class Reader:
    """Reads price lists; `suppliers` maps the key of a code to an id, `supplier_id` is whose list it is."""

    def __init__(self, suppliers: Mapping[str, int], supplier_id: int | None, at: datetime) -> None:
        self.suppliers = suppliers
        self.supplier_id = supplier_id
        self.at = at

    def read(
        self, file: IO[bytes] | Path, name: str, tell: Callable[[int, int], None] = lambda done, total: None
    ) -> Iterator[Row | RowError]:
        """Every filled row. Raises SheetError at once for a file that cannot be used."""
        rows = read_rows(file, name, LIMITS, tell)
        places = self._columns(next(rows, []))
        return (
            self._row(number, {field: _cell(cells, place) for field, place in places.items()})
            for number, cells in enumerate(rows, start=2)
            if cells
        )

    def _columns(self, header: Sequence[str]) -> dict[str, int]:
        wanted = NEEDED if self.supplier_id else {"supplier": OPTIONAL["supplier"], **NEEDED}
        places = find_columns(header, wanted)
        with suppress(SheetError):  # without this column, offers are of now
            places |= find_columns(header, {"updated_at": OPTIONAL["updated_at"]})
        return places

    def _row(self, number: int, texts: Mapping[str, str]) -> Row | RowError:
        values: dict[str, object] = {}
        for field, text in texts.items():
            try:
                _refuse_error(text)
                values[field] = getattr(self, f"_{field}")(text)
            except Wrong as error:
                return RowError(number, {**NEEDED, **OPTIONAL}[field][0], str(error))
        supplier_id = values.pop("supplier", self.supplier_id)
        return Row(number, supplier_id, **{"updated_at": self.at, **values})  # type: ignore[arg-type]

    def _supplier(self, text: str) -> int:
        if key(text) not in self.suppliers:
            raise Wrong(f"No supplier has the code “{text[:64]}”: add it first, or correct the code.")
        return self.suppliers[key(text)]

    def _brand(self, text: str) -> str:
        return _short(text)

    def _article(self, text: str) -> str:
        return _short(text)

    def _price(self, text: str) -> Decimal:
        _refuse_ambiguous(text, AMBIGUOUS_PRICE)
        try:
            price = Decimal(_plain_number(text)).quantize(CENT)
        except InvalidOperation:
            raise Wrong(f"“{text[:40]}” is no price: give a number, e.g. 1250.50.") from None
        if not (price.is_finite() and 0 < price <= MOST_MONEY):
            raise Wrong(f"“{text[:40]}” is no price: give more than zero, at most ten digits.")
        return price

    def _quantity(self, text: str) -> int:
        bare = MORE_THAN.sub("", text) if len(text) <= LONGEST_NUMBER else ""
        _refuse_ambiguous(bare, AMBIGUOUS_QUANTITY)
        plain = _plain_number(bare)
        if not re.fullmatch(r"\d{1,12}(\.0*)?", plain) or int(float(plain)) > MOST_PIECES:
            raise Wrong(f"“{text[:40]}” is no quantity: give a whole number, e.g. 5.")
        return int(float(plain))

    def _updated_at(self, text: str) -> datetime:
        if not text:
            return self.at
        moment = _moment(text)
        if moment is None:
            raise Wrong(f"“{text[:40]}” is no date: give e.g. 2026-01-31 or 2026-01-31 14:30.")
        if moment > self.at + TOMORROW:
            raise Wrong(f"“{text[:40]}” lies in the future: correct the date.")
        if moment < EARLIEST:
            raise Wrong(f"“{text[:40]}” lies before {EARLIEST.year}: correct the date.")
        return min(moment, self.at)


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip() if place < len(cells) else ""


def _refuse_error(text: str) -> None:
    if words := excel_error(text):
        raise Wrong(words)


def _refuse_ambiguous(text: str, pattern: re.Pattern[str]) -> None:
    if pattern.fullmatch(text):
        large, small = re.sub("[.,]", "", text), text.replace(",", ".").rstrip("0").rstrip(".")
        raise Wrong(f"“{text}” may be {large} or {small}: write the one that is meant.")


def _short(text: str) -> str:
    if not text:
        raise Wrong("It is empty: fill it in.")
    if len(text) > LONGEST:
        raise Wrong(f"It is longer than {LONGEST} characters: shorten it.")
    return text


def _plain_number(text: str) -> str:
    """Without blanks between thousands; a decimal comma is a point."""
    return re.sub(r"[\s\u00a0\u202f]", "", text).replace(",", ".")


def _moment(text: str) -> datetime | None:
    """ISO, or as Russian price lists write it; without a zone it is UTC."""
    text = re.sub(r"^(\d{2})\.(\d{2})\.(\d{4})", r"\3-\2-\1", text)
    try:
        moment = parse_datetime(text)
        day = None if moment else parse_date(text)
    except ValueError:
        return None
    if day:
        moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the zone follows
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
