"""Packing slips and the tracking numbers on them: the entered text becomes parcels."""

import re
from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Lower, Trim
from django.utils.timezone import now

from masterdata import parcels
from masterdata.models import PackingSlip, Parcel, SlipStatus
from masterdata.statuses import TransitStatus

SEPARATORS = re.compile(r"[,;\r\n]+")


def due() -> QuerySet[PackingSlip]:
    """The slips to ask about: shipped, with a number and a vendor, not delivered, still followed."""
    own_parcels = Parcel.objects.filter(slip=OuterRef("pk"))
    open_parcels = own_parcels.filter(unfollowed_at=None).exclude(status=TransitStatus.DELIVERED)
    return (
        PackingSlip.objects.filter(status=SlipStatus.SHIPPED)
        .alias(
            text=Lower(Trim("tracking_status")), numbers=Trim("tracking_ids"), vendor=Trim("tracking_vendor")
        )
        .exclude(Q(text="delivered") | Q(numbers="") | Q(vendor=""))
        .filter(Exists(open_parcels) | ~Exists(own_parcels))  # without parcels: written by outside code
    )


def carrying(number: str) -> list[int]:
    """The ids of the slips that wait for the parcel of this number, in whatever capitals."""
    waiting = Parcel.objects.filter(number__in=spellings(number)).exclude(status=TransitStatus.DELIVERED)
    return sorted(set(waiting.order_by().values_list("slip_id", flat=True)))


def hear_of(number: str) -> bool:
    """Note that a parcel is said to have moved; False where nobody waits for it. One statement."""
    waiting = Parcel.objects.filter(number__in=spellings(number)).exclude(status=TransitStatus.DELIVERED)
    return bool(waiting.update(heard_at=now()))


def moved_since_asked(number: str) -> bool:
    """Whether a parcel on its way is said to have moved after the question that was answered last."""
    on_its_way = Parcel.objects.filter(number__in=spellings(number), unfollowed_at=None, error="")
    return on_its_way.filter(heard_at__gt=F("asked_at")).exclude(status=TransitStatus.DELIVERED).exists()


def spellings(number: str) -> set[str]:
    """As a number may have been entered; the index serves these, and no comparison without regard to case."""
    return {number, number.upper(), number.lower()}


def is_delivered(slip: PackingSlip) -> bool:
    """Whether nobody is to ask about it any more; rows from outside may say so in the text alone."""
    return slip.status == SlipStatus.DELIVERED or slip.tracking_status.strip().lower() == "delivered"


def is_unfollowed(slip: PackingSlip) -> bool:
    """Whether its parcels are those entered, and none that is still on its way is asked about."""
    on_the_way = [parcel for parcel in slip.parcels.all() if not parcel.is_delivered]
    return bool(on_the_way) and not any(parcel.is_followed for parcel in on_the_way) and in_step(slip)


def entered_numbers(text: str) -> list[str]:
    """The tracking numbers of an entered text, each once, without inner blanks."""
    numbers: dict[str, str] = {}
    for part in SEPARATORS.split(text):
        number = "".join(part.split())
        if number:
            numbers.setdefault(number.upper(), number)
    return list(numbers.values())


def courier(slip: PackingSlip) -> str:
    return slip.tracking_vendor.strip().lower()


def in_step(slip: PackingSlip) -> bool:
    """Whether the slip's parcels are those of its entered numbers and vendor."""
    wanted = {(number, courier(slip)) for number in entered_numbers(slip.tracking_ids)}
    return wanted == {(parcel.number, parcel.courier_code) for parcel in slip.parcels.all()}


def keep_parcels(slip: PackingSlip) -> bool:
    """Bring parcels in step with the entered numbers; True where Track123 must hear of a new one."""
    if not keep_parcels_of([slip]):
        return False
    slip.refresh_from_db()
    return bool(courier(slip)) and slip.parcels.filter(registered_at=None).exists()


def keep_parcels_of(chosen: Iterable[PackingSlip]) -> list[int]:
    """Bring the parcels of many slips in step in a few statements; returns the ids that were not."""
    slip_ids = [slip.pk for slip in chosen if not in_step(slip)]
    for portion in parcels.portions(slip_ids):
        with transaction.atomic():
            before = parcels.lock(portion)
            _write_parcels(before)
            had_parcels = [slip.pk for slip in before if slip.parcels.all()]
            parcels.show_status(parcels.lock(had_parcels))  # else a text from outside stays until the answer
    return slip_ids


def _write_parcels(locked: Iterable[PackingSlip]) -> None:
    """Remove, mend and add what differs between the slips' parcels and their entered numbers and vendors."""
    gone: list[int] = []
    elsewhere: dict[str, list[int]] = defaultdict(list)
    new: list[Parcel] = []
    for slip in locked:
        numbers, code = entered_numbers(slip.tracking_ids), courier(slip)
        own = {parcel.number: parcel for parcel in slip.parcels.all()}
        gone += [parcel.pk for number, parcel in own.items() if number not in numbers]
        elsewhere[code] += [parcel.pk for parcel in own.values() if parcel.courier_code != code]
        new += [
            Parcel(slip=slip, number=number, courier_code=code) for number in numbers if number not in own
        ]
    if gone:
        Parcel.objects.filter(pk__in=gone).delete()
    for code, parcel_ids in elsewhere.items():
        _hand_over(parcel_ids, code)
    Parcel.objects.bulk_create(new, ignore_conflicts=True)


def _hand_over(parcel_ids: list[int], code: str) -> None:
    """Let another courier carry these parcels: Track123 must hear of them anew."""
    if parcel_ids:
        Parcel.objects.filter(pk__in=parcel_ids).update(
            courier_code=code, registered_at=None, unfollowed_at=None, error="", updated_at=now()
        )


def mark_delivered(slip: PackingSlip) -> bool:
    """Close a slip by hand; False where it was delivered already."""
    moment = now()
    with transaction.atomic():
        open_slip = PackingSlip.objects.filter(pk=slip.pk).exclude(status=SlipStatus.DELIVERED)
        closed = open_slip.update(
            status=SlipStatus.DELIVERED,
            tracking_status=TransitStatus.DELIVERED.label,
            delivered_at=moment,
            updated_at=moment,
        )
    return bool(closed)


def stop_following(slip: PackingSlip) -> int:
    """Ask no more about the slip's parcels; returns how many were still followed."""
    return parcels.unfollow(slip.parcels.all())


def follow_again(slip: PackingSlip) -> int:
    """Undo stop_following; returns how many parcels are followed again."""
    with transaction.atomic():
        parcels.lock([slip.pk])
        stopped = slip.parcels.exclude(unfollowed_at=None)
        followed = stopped.update(unfollowed_at=None, followed_since=now(), updated_at=now())
        parcels.show_status(parcels.lock([slip.pk]))
    return followed


def correct_courier(slip: PackingSlip, code: str) -> bool:
    """Give the slip another vendor; True where Track123 must hear of its numbers anew."""
    PackingSlip.objects.filter(pk=slip.pk).update(tracking_vendor=code.strip().lower(), updated_at=now())
    slip.refresh_from_db()
    return keep_parcels(slip)
