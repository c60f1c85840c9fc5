"""Packing slips from a spreadsheet: tried first, then written; the same file twice changes nothing."""

from collections.abc import Callable
from typing import IO

from ims.accounts.models import User
from ims.imports import uploads
from ims.imports.report import Report
from ims.imports.writing import Settle, go_through
from masterdata.models import SlipImport
from masterdata.slip_sheets import Changed, SlipRows, nobody


def receive(file: IO[bytes], name: str, user: User | None) -> SlipImport:
    """Keep an uploaded file with what it would do. Raises SheetError for one that cannot be used."""
    return uploads.keep(SlipImport(user=user), file, name, try_out(file, name))


def try_out(file: IO[bytes], name: str) -> Report:
    """What a file would do; nothing is written."""
    return go_through(file, name, SlipRows(write=False))


def write(
    import_id: int, tell: Callable[[int], None] = lambda done: None, changed: Changed = nobody
) -> Report | None:
    """Write a confirmed import; `changed` hears, in each batch's transaction, whose numbers are new."""

    def go(chosen: SlipImport, file: IO[bytes], settle: Settle) -> Report:
        return go_through(file, chosen.name, SlipRows(changed), tell=tell, settle=settle)

    return uploads.write(SlipImport, import_id, go)
