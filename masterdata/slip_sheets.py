"""Packing slips as rows of a spreadsheet; the same columns out as in.

A row is the packing slip with the same order id and the same tracking numbers, else a new one. Filled cells
overwrite, empty ones change nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.timezone import now

from ims.accounts.models import User
from ims.imports.report import Report
from ims.imports.rows import Column, Row
from ims.imports.writing import RowKind, take_over
from ims.lib.sheets import Limits
from masterdata import slips
from masterdata.models import PackingSlip, Parcel, Product, SlipStatus

Key = tuple[str, tuple[str, ...]]  # order id, and its tracking numbers in capitals and order
Changed = Callable[[list[int]], object]
KEYS = ("order_id", "tracking_ids")


def nobody(slip_ids: list[int]) -> None:
    pass


def read_status(text: str) -> str:
    """By code or by words."""
    known = {
        name.lower(): status.value for status in SlipStatus for name in (status.value, str(status.label))
    }
    if text.lower() not in known:
        raise ValidationError(f"“{text[:40]}” is no status: give one of {', '.join(SlipStatus.values)}.")
    return known[text.lower()]


def read_vendor(text: str) -> str:
    known: Any = PackingSlip._meta.get_field("tracking_vendor")
    return str(known.clean(text.lower(), None))


def read_numbers(text: str) -> str:
    longest = Parcel._meta.get_field("number").max_length or 0
    numbers = slips.entered_numbers(text)
    if too_long := [number for number in numbers if len(number) > longest]:
        raise ValidationError(
            f"“{too_long[0][:20]}…” is longer than {longest} characters: separate tracking numbers by commas."
        )
    return ", ".join(numbers)


def of_slip(field: str, *headings: str) -> Column:
    return Column(headings, PackingSlip, field)


class SlipRows(RowKind):
    """`changed` hears, in the transaction of each batch, which slips were written with numbers."""

    name = "shipments"
    title = "Shipments"
    columns = {
        "order_id": Column(("Order ID", "Order", "Order number"), PackingSlip, "order_id", is_needed=True),
        "ship_to": of_slip("ship_to", "Ship to", "Recipient", "Address"),
        "product": Column(("Product code", "Product"), read=str),
        "quantity": of_slip("quantity", "Quantity", "Qty"),
        "customizations": of_slip("customizations", "Customizations", "Personalization"),
        "status": Column(("Status", "Order status"), read=read_status),
        "sales_price": of_slip("sales_price", "Sales price", "Price"),
        "shipping_price": of_slip("shipping_price", "Shipping price", "Shipping paid"),
        "item_cost": of_slip("item_cost", "Item cost"),
        "shipping_cost": of_slip("shipping_cost", "Shipping cost"),
        "platform_fee_percent": of_slip("platform_fee_percent", "Platform fee percent", "Platform fee %"),
        "tracking_ids": Column(
            ("Tracking numbers", "Tracking number", "Tracking ID", "Tracking IDs"), read=read_numbers
        ),
        "tracking_vendor": Column(("Tracking vendor", "Courier", "Carrier"), read=read_vendor),
    }
    limits = Limits(file_bytes=10_000_000, unpacked_bytes=200_000_000, rows=50_000, columns=100)
    lock = 0x534C4950
    told = ("Tracking status", "Delivered", "Entered", "Profit")
    example = ("DM-10001", "Maya Lindqvist\n14 Elm Street", "", 1, "Name: Oliver", "shipped",
               "24.50", "4.95", "4.75", "4.10", "6.5", "1Z999AA10123456784", "ups")  # fmt: skip

    def __init__(self, changed: Changed = nobody, *, write: bool = True) -> None:
        self.changed = changed
        self.write = write
        self.seen: dict[Key, int] = {}  # the first row of each slip

    def keep(self, rows: Sequence[Row], report: Report, user: User | None) -> None:
        """Sort rows into new, changed and unchanged, and write them unless this is a trial."""
        rows = self.with_products([row for row in rows if self.is_first(row, report)], report)
        known = known_slips(rows, lock=self.write)
        new, changed = [], []
        for row in rows:
            slip = known.get(key_of(row))
            name = f"order {row.values['order_id']}"
            if slip is None:
                new.append(new_slip(row.values))
                report.tell_new(row, name)
            else:
                difference = take_over(slip, changing(row.values))
                changed += [slip] if difference else []
                report.tell(row, name, difference)
        if self.write:
            self.changed(store(new, changed))

    def is_first(self, row: Row, report: Report) -> bool:
        first = self.seen.setdefault(key_of(row), row.number)
        if first != row.number:
            same = f"Same order and tracking numbers as row {first}: remove one of them."
            report.refuse([self.error(row, "order_id", same)])
        return first == row.number

    def with_products(self, rows: Sequence[Row], report: Report) -> list[Row]:
        """The rows with products in place of their codes; one with an unknown code is bad."""
        codes = {row.values["product"] for row in rows if "product" in row.values}
        products = Product.objects.in_bulk(codes, field_name="code")
        good: list[Row] = []
        for row in rows:
            code = row.values.get("product")
            if code is None:
                good.append(row)
            elif code in products:
                good.append(Row(row.number, {**row.values, "product": products[code]}))
            else:
                unknown = f"No product has the code “{code[:64]}”: create it first, or correct the code."
                report.refuse([self.error(row, "product", unknown)])
        return good

    @classmethod
    def export(cls, found: Iterable[PackingSlip]) -> Iterator[list[Any]]:
        for slip in found:
            code = slip.product.code if slip.product else ""
            known = [code if field == "product" else getattr(slip, field) for field in cls.columns]
            yield [*known, slip.tracking_status, slip.delivered_at, slip.created_at, slip.profit]


def key_of(row: Row) -> Key:
    return slip_key(row.values["order_id"], row.values.get("tracking_ids", ""))


def slip_key(order_id: str, tracking_ids: str) -> Key:
    """What makes two rows the same packing slip."""
    return order_id, tuple(sorted(number.upper() for number in slips.entered_numbers(tracking_ids)))


def known_slips(rows: Sequence[Row], *, lock: bool) -> dict[Key, PackingSlip]:
    """The packing slips that these rows are; of two alike the older one."""
    found = PackingSlip.objects.filter(order_id__in={row.values["order_id"] for row in rows}).order_by("pk")
    found = (found.select_for_update() if lock else found).prefetch_related("product")
    return {slip_key(slip.order_id, slip.tracking_ids): slip for slip in reversed(found)}


def changing(values: dict[str, Any]) -> dict[str, Any]:
    """What a row may change of a known slip: numbers alike keep their spelling."""
    return {name: value for name, value in values.items() if name not in KEYS}


def new_slip(values: dict[str, Any]) -> PackingSlip:
    """With tracking numbers it is shipped, unless its row says otherwise."""
    shipped = SlipStatus.SHIPPED if values.get("tracking_ids") else SlipStatus.NEW_ORDER
    return PackingSlip(**{"status": shipped, **values})


def store(new: list[PackingSlip], changed: list[PackingSlip]) -> list[int]:
    """Returns the ids of the slips whose numbers are new."""
    moment = now()
    for slip in changed:
        slip.updated_at = moment
    PackingSlip.objects.bulk_create(new)
    fields = [name for name in SlipRows.columns if name not in KEYS]
    PackingSlip.objects.bulk_update(changed, [*fields, "updated_at"], batch_size=100)
    written = PackingSlip.objects.filter(pk__in=[slip.pk for slip in (*new, *changed)])
    return slips.keep_parcels_of(written.prefetch_related("parcels"))
