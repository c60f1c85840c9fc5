"""Packing slips from a spreadsheet: tried first, then written; the same file twice changes nothing.

A row is the packing slip with the same order id and the same tracking numbers, else a new one. Filled cells
overwrite, empty ones change nothing. A bad row is left out and told, and harms no other.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import IO, Any
from uuid import uuid4

from django.core.files import File
from django.db import transaction
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib.locks import one_at_a_time
from ims.lib.sheets import SheetError
from masterdata import slips
from masterdata.models import PackingSlip, Product, SlipImport, SlipStatus
from masterdata.slip_sheets import COLUMNS, Key, Row, RowError, key_of, read

BATCH = 500  # rows in one transaction
SHOWN_ERRORS = 200
KEPT_UNCONFIRMED = timedelta(days=1)
IMPORT_LOCK = 0x534C4950  # so that an import sees what the one before it has written
FIELDS = [field for field in COLUMNS if field not in ("order_id", "tracking_ids")]


@dataclass
class Report:
    """What an import does, or would do."""

    total: int = 0  # rows
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: int = 0  # rows left out
    errors: list[RowError] = field(default_factory=list)  # the first of them

    def add(self, errors: Sequence[RowError]) -> None:
        self.bad += 1
        self.errors += errors[: SHOWN_ERRORS - len(self.errors)]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def receive(file: IO[bytes], name: str, user: User | None) -> SlipImport:
    """Keep an uploaded file with what it would do. Raises SheetError for one that cannot be used."""
    report = go_through(file, name, write=False)
    if not report.total:
        raise SheetError("The file has no rows below its headings: fill in at least one.")
    kept = SlipImport(name=name[-200:], user=user, report=report.as_json())
    file.seek(0)
    kept.file.save(uuid4().hex, File(file))  # a generated name: the uploader's own is only shown
    return kept


def claim(chosen: SlipImport) -> bool:
    """Begin to write; False where somebody has begun already."""
    waiting = SlipImport.objects.filter(pk=chosen.pk, confirmed_at=None)
    return bool(waiting.update(confirmed_at=now(), updated_at=now()))


def write(import_id: int, tell: Callable[[int], None] = lambda done: None) -> list[int]:
    """Write a confirmed import; returns the ids of the slips whose numbers are new. Safe to repeat."""
    chosen = SlipImport.objects.get(pk=import_id)
    if chosen.finished_at:
        return []
    registered: list[int] = []
    with chosen.file.open("rb") as file:
        report = go_through(file, chosen.name, write=True, tell=tell, changed=registered.extend)
    SlipImport.objects.filter(pk=import_id).update(report=report.as_json(), finished_at=now())
    chosen.file.delete(save=False)
    return registered


def remove_unconfirmed(at: datetime) -> int:
    """Forget uploads that nobody has confirmed within a day, files first; returns how many."""
    with transaction.atomic():
        unwanted = SlipImport.objects.filter(confirmed_at=None, created_at__lt=at - KEPT_UNCONFIRMED)
        locked = list(unwanted.select_for_update())  # who confirms now comes too late, or before
        for upload in locked:
            upload.file.delete(save=False)
        SlipImport.objects.filter(pk__in=[upload.pk for upload in locked]).delete()
    return len(locked)


def go_through(
    file: IO[bytes],
    name: str,
    *,
    write: bool,
    tell: Callable[[int], None] = lambda done: None,
    changed: Callable[[list[int]], None] = lambda slip_ids: None,
) -> Report:
    """Read all rows; with `write` keep the good ones, each batch in a transaction of its own."""
    report = Report()
    seen: dict[Key, int] = {}
    for rows in good_rows(read(file, name), report, seen):
        with transaction.atomic():
            if write:
                one_at_a_time(IMPORT_LOCK)
            changed(keep(rows, report, write=write))
        tell(report.total)
    return report


def good_rows(
    found: Iterator[Row | list[RowError]], report: Report, seen: dict[Key, int]
) -> Iterator[list[Row]]:
    while lines := list(islice(found, BATCH)):
        report.total += len(lines)
        good: list[Row] = []
        for line in lines:
            if not isinstance(line, Row):
                report.add(line)
            elif (first := seen.setdefault(line.key, line.number)) != line.number:
                same = f"Same order and tracking numbers as row {first}: remove one of them."
                report.add([RowError(line.number, "Order ID", same)])
            else:
                good.append(line)
        yield good


def keep(rows: Sequence[Row], report: Report, *, write: bool) -> list[int]:
    """Sort rows into new, changed and unchanged; returns the ids of slips that were written with numbers."""
    rows = with_products(rows, report)
    known = known_slips(rows, lock=write)
    new = [new_slip(row.values) for row in rows if row.key not in known]
    old = [(known[row.key], row.values) for row in rows if row.key in known]
    changed = [slip for slip, values in old if take_over(slip, values)]
    report.new += len(new)
    report.changed += len(changed)
    report.unchanged += len(old) - len(changed)
    return store(new, changed) if write else []


def with_products(rows: Sequence[Row], report: Report) -> list[Row]:
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
            report.add([RowError(row.number, "Product code", unknown)])
    return good


def known_slips(rows: Sequence[Row], *, lock: bool) -> dict[Key, PackingSlip]:
    """The packing slips that these rows are; of two alike the older one."""
    found = PackingSlip.objects.filter(order_id__in={row.values["order_id"] for row in rows}).order_by("pk")
    found = found.select_for_update() if lock else found
    return {key_of(slip.order_id, slip.tracking_ids): slip for slip in reversed(found)}


def take_over(slip: PackingSlip, values: dict[str, Any]) -> bool:
    """Give the slip the filled cells; False where it has all of them. Numbers alike keep their spelling."""
    wanted = {name: value for name, value in values.items() if name not in ("order_id", "tracking_ids")}
    different = {name: value for name, value in wanted.items() if getattr(slip, name) != value}
    for name, value in different.items():
        setattr(slip, name, value)
    return bool(different)


def new_slip(values: dict[str, Any]) -> PackingSlip:
    """With tracking numbers it is shipped, unless its row says otherwise."""
    shipped = SlipStatus.SHIPPED if values.get("tracking_ids") else SlipStatus.NEW_ORDER
    return PackingSlip(**{"status": shipped, **values})


def store(new: list[PackingSlip], changed: list[PackingSlip]) -> list[int]:
    moment = now()
    for slip in changed:
        slip.updated_at = moment
    PackingSlip.objects.bulk_create(new)
    PackingSlip.objects.bulk_update(changed, [*FIELDS, "updated_at"], batch_size=100)
    written = PackingSlip.objects.filter(pk__in=[slip.pk for slip in (*new, *changed)])
    return slips.keep_parcels_of(written.prefetch_related("parcels"))
