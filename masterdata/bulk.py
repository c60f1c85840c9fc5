"""One change to many packing slips: a few statements for each portion, however many there are."""

from collections.abc import Callable, Sequence

from django.utils.timezone import now

from masterdata import parcels, slips
from masterdata.models import PackingSlip, Parcel, SlipStatus
from masterdata.parcels import PORTION
from masterdata.statuses import TransitStatus

__all__ = ["CHANGES", "PORTION", "change"]


def change(name: str, slip_ids: Sequence[int], courier: str = "") -> list[int]:
    """Do one of CHANGES to these slips; returns the ids of those that it changed."""
    return [slip_id for some in parcels.portions(slip_ids) for slip_id in CHANGES[name](some, courier)]


def stop(slip_ids: Sequence[int], _courier: str) -> list[int]:
    """Ask no more about their parcels."""
    open_parcels = Parcel.objects.filter(slip__in=slip_ids).exclude(slip__status=SlipStatus.DELIVERED)
    followed = open_parcels.filter(unfollowed_at=None).exclude(status=TransitStatus.DELIVERED).order_by()
    chosen = sorted(set(followed.values_list("slip_id", flat=True)))
    parcels.unfollow(Parcel.objects.filter(slip__in=chosen))
    return chosen


def deliver(slip_ids: Sequence[int], _courier: str) -> list[int]:
    """Close them by hand."""
    moment = now()
    open_slips = PackingSlip.objects.filter(pk__in=slip_ids).exclude(status=SlipStatus.DELIVERED)
    chosen = list(open_slips.order_by().values_list("pk", flat=True))
    PackingSlip.objects.filter(pk__in=chosen).exclude(status=SlipStatus.DELIVERED).update(
        status=SlipStatus.DELIVERED,
        tracking_status=TransitStatus.DELIVERED.label,
        delivered_at=moment,
        updated_at=moment,
    )
    return chosen


def correct_courier(slip_ids: Sequence[int], courier: str) -> list[int]:
    """Give them another vendor; Track123 must then hear of their numbers anew."""
    open_slips = PackingSlip.objects.filter(pk__in=slip_ids).exclude(status=SlipStatus.DELIVERED)
    chosen = list(open_slips.exclude(tracking_vendor=courier).order_by().values_list("pk", flat=True))
    changed = PackingSlip.objects.filter(pk__in=chosen)
    changed.update(tracking_vendor=courier, updated_at=now())
    slips.keep_parcels_of(changed.prefetch_related("parcels"))
    return chosen


CHANGES: dict[str, Callable[[Sequence[int], str], list[int]]] = {
    "stop": stop,
    "delivered": deliver,
    "courier": correct_courier,
}
