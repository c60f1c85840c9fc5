"""Spreadsheets of licences, bills of entry and allotments: tried first, then written.

The trial is the import itself in a transaction that is rolled back, so it tells what the import then does.
Filled cells overwrite, empty ones change nothing; a bad row is left out and told, and harms no other.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import IO
from uuid import uuid4

from django.core.files import File
from django.db import transaction
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib.locks import one_at_a_time
from ims.lib.sheets import SheetError
from licensing.balances_sql import FigureTooLarge
from licensing.models import SheetImport
from licensing.sheets import KINDS, Report, Row, read

BATCH = 500  # rows in one transaction
KEPT_UNCONFIRMED = timedelta(days=1)
IMPORT_LOCK = 0x4C494D50  # so that an import sees what the one before it has written


def receive(file: IO[bytes], name: str, kind: str, user: User | None) -> SheetImport:
    """Keep an uploaded file with what it would do. Raises SheetError for one that cannot be used."""
    report = try_out(file, name, kind)
    if not report.total:
        raise SheetError("The file has no rows below its headings: fill in at least one.")
    kept = SheetImport(kind=kind, name=name[-200:], user=user, report=report.as_json())
    file.seek(0)
    kept.file.save(uuid4().hex, File(file))  # a generated name: the uploader's own is only shown
    return kept


def try_out(file: IO[bytes], name: str, kind: str) -> Report:
    """What a file would do; nothing is written."""
    with transaction.atomic():
        report = go_through(file, name, kind, None)
        transaction.set_rollback(True)
    return report


def claim(chosen: SheetImport) -> bool:
    """Begin to write; False where somebody has begun already."""
    waiting = SheetImport.objects.filter(pk=chosen.pk, confirmed_at=None)
    return bool(waiting.update(confirmed_at=now(), updated_at=now()))


def write(import_id: int, tell: Callable[[int], None] = lambda done: None) -> int:
    """Write a confirmed import; returns how many rows it had. Safe to repeat."""
    chosen = SheetImport.objects.select_related("user").get(pk=import_id)
    if chosen.finished_at:
        return 0
    with chosen.file.open("rb") as file:
        report = go_through(file, chosen.name, chosen.kind, chosen.user, tell)
    SheetImport.objects.filter(pk=import_id).update(report=report.as_json(), finished_at=now())
    chosen.file.delete(save=False)
    return report.total


def remove_unconfirmed(at: datetime) -> int:
    """Forget uploads that nobody has confirmed within a day, files first; returns how many."""
    with transaction.atomic():
        unwanted = SheetImport.objects.filter(confirmed_at=None, created_at__lt=at - KEPT_UNCONFIRMED)
        locked = list(unwanted.select_for_update())  # who confirms now comes too late, or before
        for upload in locked:
            upload.file.delete(save=False)
        SheetImport.objects.filter(pk__in=[upload.pk for upload in locked]).delete()
    return len(locked)


def go_through(
    file: IO[bytes],
    name: str,
    kind: str,
    user: User | None,
    tell: Callable[[int], None] = lambda done: None,
) -> Report:
    """Read all rows and keep the good ones, each batch in a transaction of its own."""
    report = Report()
    keeper = KINDS[kind]()
    found = read(file, name, KINDS[kind])
    while lines := list(islice(found, BATCH)):
        report.total += len(lines)
        good: list[Row] = []
        for line in lines:
            good.append(line) if isinstance(line, Row) else report.refuse(line)
        try:
            with transaction.atomic():
                one_at_a_time(IMPORT_LOCK)
                keeper.keep(good, report, user)
        except FigureTooLarge as error:
            raise SheetError(str(error)) from error
        tell(report.total)
    report.errors.sort(key=lambda error: error.row)
    return report
