"""Packing slips and the tracking numbers on them: the entered text becomes parcels."""

import re

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
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
    """The ids of the slips that wait for the parcel of this number."""
    waiting = Parcel.objects.filter(number=number).exclude(status=TransitStatus.DELIVERED)
    return list(waiting.values_list("slip_id", flat=True))


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
    if in_step(slip):
        return False
    with transaction.atomic():
        locked = PackingSlip.objects.select_for_update().get(pk=slip.pk)
        had_parcels = locked.parcels.exists()
        _write_parcels(locked)
        if had_parcels:  # a text from outside stays until Track123 has answered
            parcels.show_status(locked)
    slip.refresh_from_db()
    return bool(courier(slip)) and slip.parcels.filter(registered_at=None).exists()


def _write_parcels(slip: PackingSlip) -> None:
    numbers, code = entered_numbers(slip.tracking_ids), courier(slip)
    slip.parcels.exclude(number__in=numbers).delete()
    slip.parcels.exclude(courier_code=code).update(
        courier_code=code, registered_at=None, unfollowed_at=None, error="", updated_at=now()
    )
    wanted = [Parcel(slip=slip, number=number, courier_code=code) for number in numbers]
    Parcel.objects.bulk_create(wanted, ignore_conflicts=True)


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
        locked = PackingSlip.objects.select_for_update().get(pk=slip.pk)
        stopped = locked.parcels.exclude(unfollowed_at=None)
        followed = stopped.update(unfollowed_at=None, followed_since=now(), updated_at=now())
        parcels.show_status(locked)
    return followed


def correct_courier(slip: PackingSlip, code: str) -> bool:
    """Give the slip another vendor; True where Track123 must hear of its numbers anew."""
    PackingSlip.objects.filter(pk=slip.pk).update(tracking_vendor=code.strip().lower(), updated_at=now())
    slip.refresh_from_db()
    return keep_parcels(slip)
