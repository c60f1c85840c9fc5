"""Parcels: keep what Track123 tells of them, and say what that means for their packing slip."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
PORTION = 500  # slips


# What an answer writes of a parcel; `asked_at` and `error` besides, whatever it says.
TOLD = ("status", "sub_status", "last_event", "last_event_at", "delivered_at", "registered_at")


@dataclass(frozen=True)
class Change:
    """What an answer did to a packing slip: the text people read, before and after."""

    old_status: str
    new_status: str
    is_delivered: bool
    troubled: tuple[Parcel, ...] = ()  # parcels that were well before this answer and need a person now


def record_answers(
    slip_ids: Iterable[int],
    states: Mapping[str, ParcelState],
    errors: Mapping[str, str],
    asked_at: datetime,
) -> dict[int, Change]:
    """Keep Track123's answers, by number in capitals, for these slips; twice the same changes nothing.

    The number of statements does not grow with the slips. A slip that was deleted since has no change.
    """
    with transaction.atomic():
        locked = lock(slip_ids)
        own = [parcel for slip in locked for parcel in slip.parcels.all()]
        before = {parcel.pk: parcel.status for parcel in own}
        told = [(parcel, states[key]) for parcel in own if (key := parcel.number.upper()) in states]
        add_events(told)
        record_states(told, asked_at)
        record_errors(own, {number: text for number, text in errors.items() if number not in states})
        changes = settle(locked)
    return {slip.pk: replace(changes[slip.pk], troubled=troubled(slip, before)) for slip in locked}


def troubled(slip: PackingSlip, before: Mapping[int, str]) -> tuple[Parcel, ...]:
    """The parcels of a slip whose status is a problem that it was not before."""
    return tuple(
        parcel
        for parcel in slip.parcels.all()
        if parcel.status in PROBLEMS and parcel.status != before[parcel.pk]
    )


def lock(slip_ids: Iterable[int]) -> list[PackingSlip]:
    """Take these slips, always in the same order, so that one of a slip's updates goes on at a time."""
    known = PackingSlip.objects.filter(pk__in=list(slip_ids)).order_by("pk")
    return list(known.select_for_update().prefetch_related("parcels"))


def add_events(told: Iterable[tuple[Parcel, ParcelState]]) -> None:
    """Add what is new of the parcels' stories; a replay adds nothing."""
    events = {
        (parcel.pk, event.at, event.status[:64]): ParcelEvent(
            parcel=parcel,
            at=event.at,
            status=event.status[:64],
            description=event.description[:500],
            place=event.place[:200],
        )
        for parcel, state in told
        for event in state.events
    }
    of_these = ParcelEvent.objects.filter(parcel__in={parcel_id for parcel_id, _, _ in events}).order_by()
    known = set(of_these.values_list("parcel_id", "at", "status"))
    new = [event for key, event in events.items() if key not in known]
    ParcelEvent.objects.bulk_create(new, ignore_conflicts=True)


def record_states(told: Iterable[tuple[Parcel, ParcelState]], asked_at: datetime) -> None:
    """Keep the newest state of parcels whose slips are locked; one that has arrived stays so."""
    moment = now()
    heard = [(parcel, state) for parcel, state in told if _is_news(parcel, asked_at)]
    changed = [parcel for parcel, state in heard if _take_over(parcel, state, moment)]
    for parcel in changed:
        parcel.updated_at = moment
    write(changed, [*TOLD, "updated_at"])
    Parcel.objects.filter(pk__in=[parcel.pk for parcel, _ in heard]).update(asked_at=asked_at, error="")


def _is_news(parcel: Parcel, asked_at: datetime) -> bool:
    """Whether no later question was answered before, and the parcel had not arrived."""
    return not parcel.is_delivered and (parcel.asked_at is None or parcel.asked_at <= asked_at)


def _take_over(parcel: Parcel, state: ParcelState, moment: datetime) -> bool:
    """Give the parcel what Track123 told; False where that is what it had."""
    before = [getattr(parcel, name) for name in TOLD]
    parcel.status, parcel.sub_status = state.status, state.sub_status[:64]
    parcel.last_event = state.events[0].description[:500] if state.events else parcel.last_event
    parcel.last_event_at = state.last_event_at or parcel.last_event_at
    parcel.delivered_at = (state.delivered_at or state.last_event_at or moment) if arrived(state) else None
    parcel.registered_at = parcel.registered_at or moment
    return before != [getattr(parcel, name) for name in TOLD]


def arrived(state: ParcelState) -> bool:
    """By Track123's code alone: an event's text may say anything."""
    return state.status == TransitStatus.DELIVERED


def record_errors(own: Iterable[Parcel], errors: Mapping[str, str]) -> None:
    """Note why these parcels' newest question had no answer, by number in capitals."""
    moment = now()
    refused = [parcel for parcel in own if errors.get(parcel.number.upper())]
    for parcel in refused:
        parcel.error, parcel.updated_at = errors[parcel.number.upper()][:500], moment
    write(refused, ["error", "updated_at"])


def write(changed: Sequence[Parcel], fields: Sequence[str]) -> None:
    """As bulk_update, several times cheaper: every row is there, so that each insert is an update."""
    Parcel.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=fields)


def settle(locked: Sequence[PackingSlip]) -> dict[int, Change]:
    """Show the newest status of locked slips, and close those whose parcels have all arrived."""
    before = {slip.pk: slip.tracking_status for slip in locked}
    show_status(locked)
    close([slip for slip in locked if _has_arrived(slip)])
    return {slip.pk: Change(before[slip.pk], slip.tracking_status, _has_arrived(slip)) for slip in locked}


def _has_arrived(slip: PackingSlip) -> bool:
    own = slip.parcels.all()
    return bool(own) and all(parcel.is_delivered for parcel in own)


def close(locked: Iterable[PackingSlip]) -> None:
    """Make these locked slips, whose parcels have all arrived, delivered."""
    moment = now()
    closing = [slip for slip in locked if slip.status != SlipStatus.DELIVERED]
    for slip in closing:
        slip.status, slip.updated_at = SlipStatus.DELIVERED, moment
        slip.delivered_at = max(parcel.delivered_at or moment for parcel in slip.parcels.all())
    PackingSlip.objects.bulk_update(closing, ["status", "delivered_at", "updated_at"])


def show_status(locked: Iterable[PackingSlip]) -> None:
    """Write the text people read, from the parcels of locked slips; one closed by hand keeps its text."""
    by_text: dict[str, list[int]] = defaultdict(list)
    for slip in locked:
        text = status_text(slip.parcels.all())
        if slip.status != SlipStatus.DELIVERED and slip.tracking_status != text:
            slip.tracking_status = text
            by_text[text].append(slip.pk)
    for text, slip_ids in by_text.items():  # there are ten texts at most
        PackingSlip.objects.filter(pk__in=slip_ids).update(tracking_status=text, updated_at=now())


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
    followed = parcels.filter(unfollowed_at=None).exclude(status=TransitStatus.DELIVERED).order_by()
    slip_ids = sorted(set(followed.values_list("slip_id", flat=True)))
    return sum(_unfollow(followed, chosen) for chosen in portions(slip_ids))


def _unfollow(followed: QuerySet[Parcel], slip_ids: Sequence[int]) -> int:
    moment = now()
    with transaction.atomic():
        lock(slip_ids)
        stopped = followed.filter(slip__in=slip_ids).update(unfollowed_at=moment, updated_at=moment)
        show_status(lock(slip_ids))
    return stopped


def portions(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Ids in lots that one statement and one short transaction can bear."""
    return (ids[start : start + PORTION] for start in range(0, len(ids), PORTION))


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
