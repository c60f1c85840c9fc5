"""Scanned papers of licences and bills of entry: checked by content, kept under generated names."""

from typing import IO
from uuid import uuid4

from django.core.files import File
from django.db import transaction
from django.http import FileResponse, Http404

from ims.accounts.models import User
from ims.lib import audit
from ims.uploads import folder
from licensing.models import Attachment, BillOfEntry, License

MOST = 10_000_000  # bytes
KINDS = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class NotAPaper(Exception):
    """The file cannot be kept; the message tells why and what to do."""

    permanent = True


def keep(file: IO[bytes], name: str, size: int, of: License | BillOfEntry, user: User | None) -> Attachment:
    """Raises NotAPaper."""
    if size > MOST:
        raise NotAPaper("The file is larger than 10 MB: scan it with a lower resolution.")
    if kind_of(file) is None:
        raise NotAPaper("The file is neither a PDF nor a PNG or JPEG picture: scan or print it to PDF.")
    owner = {"license": of} if isinstance(of, License) else {"bill_of_entry": of}
    kept = Attachment(name=name[-200:], user=user, **owner)
    try:
        with transaction.atomic():
            kept.file.save(uuid4().hex, File(file))  # the uploader's own name is only shown
            audit.record("licences.attach", str(of), user, after={"file": kept.name})
    except OSError as error:
        raise NotAPaper(folder.explain(error)) from error
    return kept


def download(attachment: Attachment) -> FileResponse:
    try:
        file = attachment.file.open("rb")
    except FileNotFoundError:
        raise Http404(
            "The file of this paper is gone: attach it again, or restore it from a backup."
        ) from None
    kind = kind_of(file) or "application/octet-stream"
    return FileResponse(file, as_attachment=True, filename=attachment.name, content_type=kind)


def kind_of(file: IO[bytes]) -> str | None:
    file.seek(0)
    start = file.read(16)
    file.seek(0)
    return next((kind for mark, kind in KINDS.items() if start.startswith(mark)), None)


def remove(attachment: Attachment, user: User | None) -> None:
    """With its file, which goes with every row (ims.uploads.upkeep)."""
    owner = attachment.license or attachment.bill_of_entry
    with transaction.atomic():
        removed, _ = Attachment.objects.filter(pk=attachment.pk).delete()
        if removed:
            audit.record("licences.detach", str(owner), user, before={"file": attachment.name})
