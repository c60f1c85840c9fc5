"""Suppliers' offers from spreadsheets: read row by row, written in bulk; the newest of each part stays.

A bad row is left out and told, and harms no other. The same file twice changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from crossdock.keys import key
from crossdock.models import OfferImport, Supplier
from crossdock.offer_sheets import Reader, Row, RowError
from ims.accounts.models import User
from ims.imports import uploads
from ims.lib.sheets import SheetError
from ims.uploads import folder, upkeep

BATCH = 2_000  # rows in one statement and transaction
SHOWN_ERRORS = 200
KEPT_UNFINISHED = timedelta(days=2)  # an upload whose import never ended
UPSERT = """
    INSERT INTO crossdock_offer
        (supplier_id, brand, brand_key, article, article_key, price, quantity, updated_at) VALUES {rows}
    ON CONFLICT (supplier_id, brand_key, article_key) DO UPDATE SET
        brand = excluded.brand, article = excluded.article, price = excluded.price,
        quantity = excluded.quantity, updated_at = excluded.updated_at
    WHERE excluded.updated_at > crossdock_offer.updated_at
       OR (excluded.updated_at = crossdock_offer.updated_at AND excluded.price < crossdock_offer.price)
"""


@dataclass
class Report:
    """What an import did."""

    total: int = 0  # rows
    written: int = 0  # new offers and newer ones
    older: int = 0  # rows no newer than what was there
    bad: int = 0  # rows left out
    percent: int = 0  # of the file
    errors: list[RowError] = field(default_factory=list)  # the first of them

    def add(self, error: RowError) -> None:
        self.bad += 1
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append(error)


def receive(content: IO[bytes], name: str, supplier: Supplier | None, user: User | None) -> OfferImport:
    """Keep the file of a price list; its row is not saved yet. Raises SheetError."""
    if next(reader(supplier, now()).read(content, name), None) is None:
        raise SheetError("The file has no rows below its headings: fill in at least one.")
    kept = OfferImport(name=Path(name).name[-200:], supplier=supplier, user=user)
    content.seek(0)
    try:
        # a generated name: the uploader's own is only shown
        kept.file.save(uuid4().hex, File(content), save=False)
    except OSError as error:
        raise SheetError(folder.explain(error)) from error
    return kept


def reader(supplier: Supplier | None, at: datetime) -> Reader:
    codes = {key(supid): pk for pk, supid in Supplier.objects.values_list("pk", "supid")}
    return Reader(codes, supplier.pk if supplier else None, at)


def write(import_id: int, tell: Callable[[int, int], None] = lambda done, total: None) -> dict[str, int]:
    """Write an uploaded price list; safe to repeat. Its offers are of its upload, whenever they are written.

    Raises SheetError and OutOfReach, which are kept for the uploader, and UnknownImport.
    """
    chosen = OfferImport.objects.select_related("supplier").filter(pk=import_id).first()
    if chosen is None:
        raise uploads.UnknownImport(f"Import {import_id} is gone: upload the price list again.")
    if chosen.finished_at:
        return counts(chosen.report)
    if chosen.error:
        raise SheetError(chosen.error)  # it failed for good

    def hear(report: Report) -> None:
        tell(report.percent, 100)

    try:
        with folder.opened(chosen.file) as content:
            settle = partial(keep_report, chosen)
            report = go_through(content, chosen.name, chosen.supplier, hear, settle, at=chosen.created_at)
    except (SheetError, folder.OutOfReach) as error:
        if error.permanent:
            end(chosen, error=str(error))
        raise
    report.percent = 100
    end(chosen, report=asdict(report), error="", finished_at=now())
    return counts(asdict(report))


def end(chosen: OfferImport, **facts: Any) -> None:
    """Nobody needs its file any more. Of two who write it at once, the first to end has the say."""
    unfinished(chosen).update(**facts, file="", updated_at=now())
    upkeep.forget(chosen.file.name)


def unfinished(chosen: OfferImport) -> QuerySet[OfferImport]:
    return OfferImport.objects.filter(pk=chosen.pk, finished_at=None)


def prune(at: datetime) -> int:
    """Forget files of imports that never ended, and imports after IMPORTS_KEEP_DAYS; returns how many."""
    left = OfferImport.objects.filter(created_at__lt=at - KEPT_UNFINISHED).exclude(file="")
    for chosen in (never_ended := list(left)):
        end(chosen)
    old = OfferImport.objects.filter(created_at__lt=at - timedelta(days=settings.IMPORTS_KEEP_DAYS))
    return len(never_ended) + uploads.delete_in_portions(old)


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {name: report[name] for name in ("total", "written", "older", "bad")}


def keep_report(chosen: OfferImport, report: Report) -> None:
    """Keep the report so far, together with the offers that it tells of.

    Where another attempt wrote these before, as one that was killed did, its report of them counts.
    """
    own = unfinished(chosen).select_for_update().first()
    if own is None:
        return
    if own.report.get("total") == report.total:
        errors = [RowError(**error) for error in own.report["errors"]]
        vars(report).update({**own.report, "errors": errors})
    elif own.report.get("total", 0) < report.total:
        own.report = asdict(report)
        own.save(update_fields=["report", "updated_at"])


def go_through(
    content: IO[bytes],
    name: str,
    supplier: Supplier | None,
    tell: Callable[[Report], None] = lambda report: None,
    settle: Callable[[Report], None] = lambda report: None,
    *,
    at: datetime | None = None,
) -> Report:
    """Read all rows and keep the good ones, each batch in a transaction of its own.

    `settle` is given the report in it, `tell` after it. Offers without a date are of `at`, or of now.
    """
    report = Report()

    def heard(done: int, total: int) -> None:
        report.percent = min(99, 100 * done // max(1, total))

    found = reader(supplier, at or now()).read(content, name, heard)
    for rows in good_rows(found, report):
        with transaction.atomic():
            written = keep(rows)
            report.written += written
            report.older += len(rows) - written
            settle(report)
        tell(report)
    return report


def good_rows(found: Iterator[Row | RowError], report: Report) -> Iterator[list[Row]]:
    while lines := list(islice(found, BATCH)):
        report.total += len(lines)
        good: dict[tuple[int, str, str], Row] = {}
        for line in lines:
            if isinstance(line, RowError):
                report.add(line)
            elif newer(line, good.get(line.key)):
                report.older += line.key in good
                good[line.key] = line
            else:
                report.older += 1
        yield [
            good[part] for part in sorted(good)
        ]  # in one order, so that two imports never wait in a circle


def newer(row: Row, than: Row | None) -> bool:
    """Of two rows for one part the later counts, of two at once the cheaper."""
    return than is None or (row.updated_at, -row.price) > (than.updated_at, -than.price)


def keep(rows: Sequence[Row]) -> int:
    """Insert these offers or bring them up to date, in one statement; returns how many it wrote."""
    if not rows:
        return 0
    adapt = connection.ops.adapt_datetimefield_value
    money = connection.ops.adapt_decimalfield_value
    values: list[Any] = []
    for row in rows:
        supplier_id, brand_key, article_key = row.key
        price, moment = money(row.price, 12, 2), adapt(row.updated_at)
        values += [supplier_id, row.brand, brand_key, row.article, article_key, price, row.quantity, moment]
    marks = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s)"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(UPSERT.format(rows=marks), values)
        return int(cursor.rowcount)
