"""Whether MEDIA_ROOT of this machine is the folder that all machines use.

What one machine takes in, a worker of another one reads: MEDIA_ROOT must be the same storage everywhere. A
mark in the folder and in the database tells.
"""

import errno
from contextlib import suppress
from pathlib import Path
from socket import gethostname
from typing import IO
from uuid import uuid4

from django.conf import settings
from django.db import DatabaseError
from django.db.models.fields.files import FieldFile

from ims.uploads.models import UploadFolder

FILE = ".ims-uploads"
CURE = "all machines must share one MEDIA_ROOT, and may write there (docs/scale.md)."


class OutOfReach(Exception):
    """An upload cannot be read here; the message says why and what to do."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class WrongFolder(Exception):
    """Here is another folder of uploads; a worker of another machine may have the right one."""


def mark(using: str = "default") -> None:
    """Mark MEDIA_ROOT as the folder of all machines, unless there is one already."""
    rows = UploadFolder.objects.using(using)
    with suppress(OSError):  # a machine that cannot write there has no say
        if not rows.exists():
            rows.get_or_create(id=1, defaults={"mark": read() or write()})


def problem() -> str:
    """What is wrong, for people; nothing where all is well or nobody knows."""
    try:
        wanted = UploadFolder.objects.values_list("mark", flat=True).first()
    except DatabaseError:  # not migrated yet, or away
        return ""
    if wanted is None or read() == wanted:
        return ""
    where = f"MEDIA_ROOT {settings.MEDIA_ROOT} of {gethostname()}"
    return f"{where} is not the folder in which other machines keep uploads."


def opened(file: FieldFile) -> IO[bytes]:
    """An upload, to be read. Raises OutOfReach: for good only where it is gone from the right folder."""
    try:
        if not file:
            raise FileNotFoundError
        return file.open("rb")
    except OSError as error:
        is_gone = isinstance(error, FileNotFoundError) and not problem()
        raise OutOfReach(explain(error), permanent=is_gone) from error


def explain(error: OSError) -> str:
    """Why a file below MEDIA_ROOT cannot be read or written, and what to do, for people."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "The disk is full: make room, then try again."
    if elsewhere := problem():
        return f"{elsewhere} Tell the operator: {CURE}"
    if isinstance(error, FileNotFoundError):
        return f"The uploaded file is gone: upload it again. Is it gone each time, tell the operator: {CURE}"
    return f"MEDIA_ROOT {settings.MEDIA_ROOT}: {error.strerror}. Tell the operator: {CURE}"


def expect() -> None:
    """Raises WrongFolder unless MEDIA_ROOT bears the mark: who removes files there must be sure of it."""
    if not UploadFolder.objects.filter(mark=read()).exists():
        raise WrongFolder(problem() or f"MEDIA_ROOT {settings.MEDIA_ROOT} has no mark: run migrate first.")


def read() -> str:
    try:
        return (Path(settings.MEDIA_ROOT) / FILE).read_text(errors="replace").strip()
    except OSError:
        return ""


def write() -> str:
    path = Path(settings.MEDIA_ROOT) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(uuid4().hex)
    return read()
