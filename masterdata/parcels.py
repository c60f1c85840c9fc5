"""Parcels: keep what Track123 tells of them, and say what that means for their packing slip."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from masterdata.models import PackingSlip, Parcel, ParcelEvent, SlipStatus
from masterdata.statuses import PROBLEMS, TransitStatus, worst
from masterdata.track123_service import ParcelState

NOT_FOLLOWED = "No longer followed"


@dataclass(frozen=True)
class Change:
    """What an answer did to a packing slip: the text people read, before and after."""

    old_status: str
    new_status: str
    is_delivered: bool
    troubled: tuple[Parcel, ...] = ()  # parcels that were well before this answer and need a person now


def record_answers(
    slip_id: int, states: Mapping[str, ParcelState], errors: Mapping[str, str], asked_at: datetime
) -> Change:
    """Keep Track123's answers, by number, for one slip; the same answers twice change nothing."""
    with transaction.atomic():
        slip = PackingSlip.objects.select_for_update().get(pk=slip_id)  # one update of a slip at a time
        before = {parcel.pk: parcel.status for parcel in slip.parcels.all()}
        for parcel in slip.parcels.all():
            if state := states.get(parcel.number.upper()):
                record_state(parcel, state, asked_at)
            elif error := errors.get(parcel.number.upper()):
                record_error(parcel, error)
        return replace(settle(slip), troubled=troubled(slip, before))


def troubled(slip: PackingSlip, before: Mapping[int, str]) -> tuple[Parcel, ...]:
    """The parcels of a locked slip whose status is a problem that it was not before."""
    problems = slip.parcels.filter(status__in=PROBLEMS)
    return tuple(parcel for parcel in problems if parcel.status != before.get(parcel.pk))


def record_state(parcel: Parcel, state: ParcelState, asked_at: datetime) -> bool:
    """Keep one answer; False where a later question was answered before, or the parcel had arrived."""
    add_events(parcel, state)
    moment = now()
    newer = Q(asked_at=None) | Q(asked_at__lte=asked_at)
    changed = (
        Parcel.objects.filter(newer, pk=parcel.pk)
        .exclude(status=TransitStatus.DELIVERED)
        .update(
            status=state.status,
            sub_status=state.sub_status[:64],
            last_event=state.events[0].description[:500] if state.events else parcel.last_event,
            last_event_at=state.last_event_at or parcel.last_event_at,
            delivered_at=(state.delivered_at or state.last_event_at or moment) if arrived(state) else None,
            registered_at=parcel.registered_at or moment,
            asked_at=asked_at,
            error="",
            updated_at=moment,
        )
    )
    return bool(changed)


def arrived(state: ParcelState) -> bool:
    """By Track123's code alone: an event's text may say anything."""
    return state.status == TransitStatus.DELIVERED


def record_error(parcel: Parcel, error: str) -> None:
    Parcel.objects.filter(pk=parcel.pk).update(error=error[:500], updated_at=now())


def add_events(parcel: Parcel, state: ParcelState) -> None:
    """Add what is new of the story; a replay adds nothing."""
    events = [
        ParcelEvent(
            parcel=parcel,
            at=event.at,
            status=event.status[:64],
            description=event.description[:500],
            place=event.place[:200],
        )
        for event in state.events
    ]
    ParcelEvent.objects.bulk_create(events, ignore_conflicts=True)


def settle(slip: PackingSlip) -> Change:
    """Show the newest status of a locked slip, and close it once all its parcels have arrived."""
    old_status, new_status = slip.tracking_status, show_status(slip)
    parcels = list(slip.parcels.all())
    all_arrived = bool(parcels) and all(parcel.is_delivered for parcel in parcels)
    if all_arrived:
        _close(slip, max(parcel.delivered_at or now() for parcel in parcels))
    return Change(old_status, new_status, all_arrived)


def _close(slip: PackingSlip, delivered_at: datetime) -> None:
    still_open = PackingSlip.objects.filter(pk=slip.pk).exclude(status=SlipStatus.DELIVERED)
    still_open.update(status=SlipStatus.DELIVERED, delivered_at=delivered_at, updated_at=now())


def show_status(slip: PackingSlip) -> str:
    """Write and return the text people read, from the parcels of a locked slip."""
    text = status_text(slip.parcels.all())
    PackingSlip.objects.filter(pk=slip.pk).exclude(tracking_status=text).update(
        tracking_status=text, updated_at=now()
    )
    return text


def status_text(parcels: Iterable[Parcel]) -> str:
    """The label of the least advanced parcel; nothing where there is none."""
    known = list(parcels)
    on_the_way = [parcel for parcel in known if not parcel.is_delivered]
    if on_the_way and not any(parcel.is_followed for parcel in on_the_way):
        return NOT_FOLLOWED
    status = worst(parcel.status for parcel in known)
    return str(status.label) if status else ""


def unfollow(parcels: QuerySet[Parcel]) -> int:
    """Ask no more about these parcels; returns how many were still followed."""
    followed = parcels.filter(unfollowed_at=None).exclude(status=TransitStatus.DELIVERED)
    slip_ids = set(followed.values_list("slip_id", flat=True))
    stopped = 0
    for slip_id in slip_ids:
        with transaction.atomic():
            slip = PackingSlip.objects.select_for_update().get(pk=slip_id)
            stopped += followed.filter(slip=slip).update(unfollowed_at=now(), updated_at=now())
            show_status(slip)
    return stopped


def give_up(at: datetime) -> int:
    """Stop asking about parcels without any news for TRACKING_GIVE_UP_DAYS; returns how many."""
    silent_since = at - timedelta(days=settings.TRACKING_GIVE_UP_DAYS)
    silent = Q(last_event_at=None) | Q(last_event_at__lt=silent_since)
    return unfollow(Parcel.objects.filter(silent, followed_since__lt=silent_since))


def needing_attention(at: datetime) -> QuerySet[Parcel]:
    """Parcels that a person should look at: a failure, or no movement for TRACKING_QUIET_DAYS."""
    trouble = Q(status__in=PROBLEMS)
    refused = ~Q(error="")
    return Parcel.objects.filter(trouble | no_movement(at) | refused, unfollowed_at=None).exclude(
        status=TransitStatus.DELIVERED
    )


def no_movement(at: datetime) -> Q:
    """No news of a parcel for TRACKING_QUIET_DAYS."""
    quiet_since = at - timedelta(days=settings.TRACKING_QUIET_DAYS)
    return Q(followed_since__lt=quiet_since) & (Q(last_event_at=None) | Q(last_event_at__lt=quiet_since))
