"""Packing slips as rows of a spreadsheet: its columns, a row in, a row out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from django.core.exceptions import ValidationError

from ims.lib.sheets import Limits, SheetError, find_columns, read_rows, without_apostrophe
from masterdata import slips
from masterdata.models import PackingSlip, Parcel, SlipStatus

# Field of a packing slip → its heading, and other headings that people give it.
COLUMNS: dict[str, tuple[str, ...]] = {
    "order_id": ("Order ID", "Order", "Order number"),
    "ship_to": ("Ship to", "Recipient", "Address"),
    "product": ("Product code", "Product"),
    "quantity": ("Quantity", "Qty"),
    "customizations": ("Customizations", "Personalization"),
    "status": ("Status", "Order status"),
    "sales_price": ("Sales price", "Price"),
    "shipping_price": ("Shipping price", "Shipping paid"),
    "item_cost": ("Item cost",),
    "shipping_cost": ("Shipping cost",),
    "platform_fee_percent": ("Platform fee percent", "Platform fee %"),
    "tracking_ids": ("Tracking numbers", "Tracking number", "Tracking ID", "Tracking IDs"),
    "tracking_vendor": ("Tracking vendor", "Courier", "Carrier"),
}
TOLD = ("Tracking status", "Delivered", "Entered", "Profit")  # exported besides, overlooked by an import
EXAMPLE = ("DM-10001", "Maya Lindqvist\n14 Elm Street", "", 1, "Name: Oliver", "shipped",
           "24.50", "4.95", "4.75", "4.10", "6.5", "1Z999AA10123456784", "ups")  # fmt: skip
LIMITS = Limits(file_bytes=10_000_000, unpacked_bytes=200_000_000, rows=50_000, columns=100)

Key = tuple[str, tuple[str, ...]]  # order id, and its tracking numbers in capitals and order


@dataclass(frozen=True)
class RowError:
    """What is wrong with one row. `row` counts as the spreadsheet does: the headings are row 1."""

    row: int
    column: str
    message: str


@dataclass(frozen=True)
class Row:
    number: int
    values: dict[str, Any]  # of the filled cells, by field; `product` is still its code

    @property
    def key(self) -> Key:
        return key_of(self.values["order_id"], self.values.get("tracking_ids", ""))


def key_of(order_id: str, tracking_ids: str) -> Key:
    """What makes two rows the same packing slip."""
    return order_id, tuple(sorted(number.upper() for number in slips.entered_numbers(tracking_ids)))


def headings() -> list[str]:
    return [names[0] for names in COLUMNS.values()]


def read(file: IO[bytes], name: str) -> Iterator[Row | list[RowError]]:
    """Each filled row, or what is wrong with it. Raises SheetError for a file that cannot be used."""
    lines = read_rows(file, name, LIMITS)
    places = known_columns(next(lines, []))
    for number, cells in enumerate(lines, start=2):
        texts = {
            field: text
            for field, place in places.items()
            if place < len(cells)
            if (text := without_apostrophe(cells[place].strip()))
        }
        if any(cell.strip() for cell in cells):
            yield read_row(number, texts)


def known_columns(header: Sequence[str]) -> dict[str, int]:
    """Where each of our columns is, by a heading or by the API's name; only the order id has to be there."""
    places = find_columns(header, {"order_id": (*COLUMNS["order_id"], "order_id")})
    for field, names in COLUMNS.items():
        try:
            places |= find_columns(header, {field: (*names, field)})
        except SheetError:
            continue  # an optional column
    return places


def read_row(number: int, texts: dict[str, str]) -> Row | list[RowError]:
    values: dict[str, Any] = {}
    errors = (
        [] if texts.get("order_id") else [RowError(number, "Order ID", "It is empty: enter the order's id.")]
    )
    for field, text in texts.items():
        try:
            values[field] = read_value(field, text)
        except ValidationError as error:
            errors.append(RowError(number, COLUMNS[field][0], " ".join(error.messages)))
    return errors or Row(number, values)


def read_value(field: str, text: str) -> Any:
    if field == "product":
        return text
    if field == "status":
        return read_status(text)
    if field == "tracking_ids":
        return read_numbers(text)
    if field == "tracking_vendor":
        text = text.lower()
    known: Any = PackingSlip._meta.get_field(field)
    return known.clean(text, None)


def read_status(text: str) -> str:
    """By code or by words."""
    known = {
        name.lower(): status.value for status in SlipStatus for name in (status.value, str(status.label))
    }
    if text.lower() not in known:
        raise ValidationError(f"“{text[:40]}” is no status: give one of {', '.join(SlipStatus.values)}.")
    return known[text.lower()]


def read_numbers(text: str) -> str:
    longest = Parcel._meta.get_field("number").max_length or 0
    numbers = slips.entered_numbers(text)
    if too_long := [number for number in numbers if len(number) > longest]:
        raise ValidationError(
            f"“{too_long[0][:20]}…” is longer than {longest} characters: separate tracking numbers by commas."
        )
    return ", ".join(numbers)


# --- out ------------------------------------------------------------------


def export_headings() -> list[str]:
    return [*headings(), *TOLD]


def export_rows(found: Iterable[PackingSlip]) -> Iterator[list[Any]]:
    for slip in found:
        code = slip.product.code if slip.product else ""
        known = [code if field == "product" else getattr(slip, field) for field in COLUMNS]
        yield [*known, slip.tracking_status, slip.delivered_at, slip.created_at, slip.profit]
