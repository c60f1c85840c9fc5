"""Whether MEDIA_ROOT of this machine is the folder that all machines use.

What one machine takes in, a worker of another one reads: MEDIA_ROOT must be the same storage everywhere. A
mark in the folder and in the database tells.
"""

from contextlib import suppress
from pathlib import Path
from socket import gethostname
from uuid import uuid4

from django.conf import settings
from django.db import DatabaseError

from ims.uploads.models import UploadFolder

FILE = ".ims-uploads"


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


def expect() -> None:
    """Raises WrongFolder unless MEDIA_ROOT bears the mark: who removes files there must be sure of it."""
    if not UploadFolder.objects.filter(mark=read()).exists():
        raise WrongFolder(problem() or f"MEDIA_ROOT {settings.MEDIA_ROOT} has no mark: run migrate first.")


def read() -> str:
    try:
        return (Path(settings.MEDIA_ROOT) / FILE).read_text().strip()
    except OSError:
        return ""


def write() -> str:
    path = Path(settings.MEDIA_ROOT) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(uuid4().hex)
    return read()
