"""Spreadsheets of licences, bills of entry and allotments: tried first, then written.

The trial is the import itself in a transaction that is rolled back, so it tells what the import then does.
Filled cells overwrite, empty ones change nothing; a bad row is left out and told, and harms no other.
"""

from collections.abc import Callable
from time import monotonic
from typing import IO

from django.db import transaction

from ims.accounts.models import User
from ims.imports import uploads
from ims.imports.report import Report
from ims.imports.writing import Settle, go_through
from ims.lib.sheets import SheetError
from licensing.models import SheetImport
from licensing.sheets import KINDS

A_TRIAL = 30  # seconds of a request, in which others wait for the licences that it has locked


def receive(file: IO[bytes], name: str, kind: str, user: User | None) -> SheetImport:
    """Keep an uploaded file with what it would do. Raises SheetError for one that cannot be used."""
    return uploads.keep(SheetImport(kind=kind, user=user), file, name, try_out(file, name, kind))


def try_out(file: IO[bytes], name: str, kind: str) -> Report:
    """What a file would do; nothing is written. Raises SheetError, too where it takes too long."""
    end = monotonic() + A_TRIAL

    def watch(done: int) -> None:
        if monotonic() > end:
            raise SheetError(
                f"It takes too long to try: {done:,} rows took {A_TRIAL} seconds. Split the file."
            )

    with transaction.atomic():
        report = go_through(file, name, KINDS[kind](), tell=watch)
        transaction.set_rollback(True)
    return report


def write(import_id: int, tell: Callable[[int], None] = lambda done: None) -> int:
    """Write a confirmed import; returns how many rows it had. Safe to repeat."""

    def go(chosen: SheetImport, file: IO[bytes], settle: Settle) -> Report:
        return go_through(file, chosen.name, KINDS[chosen.kind](), chosen.user, tell, settle)

    report = uploads.write(SheetImport, import_id, go)
    return report.total if report else 0
