"""Pictures that prove a handing over: checked by content, kept under generated names."""

from dataclasses import dataclass
from typing import IO
from uuid import uuid4

from django.core.files import File

from ims.accounts.models import User
from logistics.trips.errors import TripRefused
from logistics.trips.live_models import ProofKind, TripProof
from logistics.trips.models import IN_PROGRESS, Trip, TripStatus

MOST = 5_000_000  # bytes
MOST_PROOFS = 10  # of a trip
PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True)
class NewProof:
    kind: ProofKind
    picture: IO[bytes]
    size: int
    signed_by: str = ""


def keep(trip: Trip, proof: NewProof, by: User) -> TripProof:
    """Raises TripRefused."""
    if trip.status not in (*IN_PROGRESS, TripStatus.COMPLETED):
        raise TripRefused("not_started", f"The trip is {trip.status}: a proof belongs to its end.")
    if proof.size > MOST:
        raise TripRefused("too_large", "The picture is larger than 5 MB: take a smaller one.", "picture")
    if picture_type(proof.picture) is None:
        raise TripRefused("no_picture", "The file is neither a PNG nor a JPEG picture.", "picture")
    if trip.proofs.count() >= MOST_PROOFS:
        raise TripRefused("enough", f"The trip has {MOST_PROOFS} proofs already.", "picture")
    kept = TripProof(trip=trip, kind=proof.kind, signed_by=proof.signed_by, made_by=by)
    kept.picture.save(uuid4().hex, File(proof.picture))  # the uploader's own name is not kept
    return kept


def picture_type(file: IO[bytes]) -> str | None:
    """What the content says, whatever the name claims."""
    file.seek(0)
    start = file.read(16)
    file.seek(0)
    return next((kind for mark, kind in PICTURES.items() if start.startswith(mark)), None)
