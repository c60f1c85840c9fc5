"""How shipments look: the state that gives a badge its colour and shape, and the newest word of a slip."""

from django import template

from masterdata import carriers
from masterdata.models import PackingSlip, Parcel, SlipStatus
from masterdata.parcels import NOT_FOLLOWED
from masterdata.queries import MOVING
from masterdata.statuses import PROBLEMS

register = template.Library()
register.filter("courier_name", carriers.courier_name)
register.filter("parcel_page", carriers.parcel_page)


@register.filter
def parcel_state(parcel: Parcel) -> str:
    """ok, fail, retry (amber), run or wait."""
    if parcel.is_delivered:
        return "ok"
    if not parcel.is_followed:
        return "wait"
    if parcel.status in PROBLEMS:
        return "fail"
    if parcel.error:
        return "retry"
    return "run" if parcel.status in MOVING else "wait"


@register.filter
def slip_state(slip: PackingSlip) -> str:
    """The state that needs a person most, of all its parcels."""
    if slip.status == SlipStatus.DELIVERED:
        return "ok"
    states = {parcel_state(parcel) for parcel in slip.parcels.all()} - {"ok"}
    return next((state for state in ("fail", "retry", "run") if state in states), "wait")


@register.filter
def status_words(slip: PackingSlip) -> str:
    """The tracking status where there is one, else how far the order is."""
    return slip.tracking_status.strip() or slip.get_status_display()


@register.filter
def newest_parcel(slip: PackingSlip) -> Parcel:
    """The parcel that was heard of last; an empty one where none was."""
    heard = [
        (parcel.last_event_at, parcel.pk, parcel) for parcel in slip.parcels.all() if parcel.last_event_at
    ]
    return max(heard)[2] if heard else Parcel()


@register.filter
def parcel_words(parcel: Parcel) -> str:
    unfollowed = not parcel.is_delivered and not parcel.is_followed
    return NOT_FOLLOWED if unfollowed else parcel.get_status_display()
