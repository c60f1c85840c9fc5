"""What dispatchers and crews do with trips, over the API or on a page: a service and the jobs that follow.

Both are one transaction: no job for what did not happen, and nothing happens without its job. The audit log
keeps who did it, without any patient's data; the trip's timeline is read from there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib import audit
from logistics import actions, tasks
from logistics.dispatch.errors import Refused
from logistics.trips import gps, planning, proofs, services, sharing
from logistics.trips.errors import TripRefused
from logistics.trips.gps import Ingested, NewFix
from logistics.trips.live_models import TripProof
from logistics.trips.models import Trip, TripStatus
from logistics.trips.planning import Crew
from logistics.trips.proofs import NewProof


def target(trip: Trip) -> str:
    """The trip's name in the audit log."""
    return f"trip:{trip.pk}"


@transaction.atomic
def create(by: User | None, crew: Crew | None = None, **facts: object) -> Trip:
    """Plan a transport. Raises TripRefused."""
    trip = planning.create(**facts)
    audit.record("trip.create", target(trip), by)
    if crew is not None:
        assign(trip, crew, by)
    return trip


@transaction.atomic
def assign(trip: Trip, crew: Crew, by: User | None) -> bool:
    """Give a trip its crew, also another one in mid-trip; False where it has this one. Raises TripRefused."""
    done = planning.assign(trip, crew, now())
    if not done.is_new:
        return False
    if done.former != crew.driver:
        tasks.send_trip_assignment_notification.enqueue(trip_id=trip.pk, driver_id=crew.driver.pk)
        if done.former is not None:
            _tell_former(trip, done.former.pk)
    words = "The trip has another crew." if done.former else str(trip.get_status_display())
    _tell_watchers(trip, words)
    audit.record(
        "trip.reassign" if done.former else "trip.assign",
        target(trip),
        by,
        after={"driver": crew.driver.name, "vehicle": str(crew.vehicle)},
    )
    return True


@transaction.atomic
def cancel(trip: Trip, by: User | None, reason: str = "") -> bool:
    """End a transport before its time; False where that was done before. Raises TripRefused."""
    if not planning.cancel(trip, now(), reason):
        return False
    tasks.follow_move(trip)
    if trip.driver_id is not None:  # whoever has it by now, not when the page was shown
        _tell_former(trip, trip.driver_id)
    audit.record("trip.cancel", target(trip), by)
    return True


@transaction.atomic
def move(
    trip: Trip,
    status: TripStatus,
    by: User | None,
    *,
    odometer_km: Decimal | None = None,
    delivered_kg: Decimal | None = None,
) -> bool:
    """Take a trip to its next status; False where it is there already. Raises TripRefused."""
    if status == TripStatus.CANCELLED:
        return cancel(trip, by)
    reading = services.reading_for(trip, status, odometer_km)
    try:
        moved = actions.move_trip(trip, status, delivered_kg, **reading)
    except Refused as refusal:  # of the stock request that this trip delivers
        raise TripRefused(refusal.code, str(refusal), refusal.field) from refusal
    if moved:
        audit.record(f"trip.{status}", target(trip), by)
    return moved


@transaction.atomic
def ingest(trip: Trip, fixes: Sequence[NewFix]) -> Ingested:
    """Keep fixes, and show those that are news to all who watch."""
    done = gps.ingest(trip, fixes, now())
    tasks.broadcast_gps_update.enqueue_many([_as_arguments(trip, fix) for fix in done.news])
    return done


@transaction.atomic
def prove(trip: Trip, proof: NewProof, by: User) -> TripProof:
    """Keep a signature or a photo of the handing over. Raises TripRefused."""
    kept = proofs.keep(trip, proof, by)
    audit.record("trip.prove", target(trip), by, after={"kind": kept.kind})
    return kept


def share(trip: Trip, lasts: timedelta, by: User) -> tuple[str, datetime]:
    """Make a public link; returns it, and when it ends."""
    url, expires = sharing.link(trip, now(), lasts)
    audit.record("trip.share", target(trip), by, after={"until": expires.isoformat()})
    return url, expires


@transaction.atomic
def unshare(trip: Trip, by: User) -> None:
    """Revoke all public links of a trip."""
    sharing.revoke(trip)
    audit.record("trip.unshare", target(trip), by)


def _as_arguments(trip: Trip, fix: NewFix) -> dict[str, object]:
    return {
        "trip_id": trip.pk,
        "latitude": float(fix.lat),
        "longitude": float(fix.lng),
        "speed": None if fix.speed is None else float(fix.speed),
        "heading": fix.heading,
        "recorded_at": fix.recorded_at.isoformat(),
    }


def _tell_watchers(trip: Trip, words: str) -> None:
    tasks.broadcast_trip_status.enqueue(
        trip_id=trip.pk, status=trip.status, message=words, changed_at=now().isoformat()
    )


def _tell_former(trip: Trip, driver_id: int) -> None:
    tasks.send_trip_withdrawn_notification.enqueue(
        trip_id=trip.pk, driver_id=driver_id, changed_at=now().isoformat()
    )
