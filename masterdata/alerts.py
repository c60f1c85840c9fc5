"""Tell operations, at the bell, of parcels that need a person.

Trouble is told in the transaction that first keeps it, so it is told once: whoever asks Track123 again, or at
the same time, finds it kept. Silence is found by looking; the moment it began names it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from ims.accounts import people, roles
from ims.lib.local_time import local
from ims.notices import kinds, services
from ims.notices.services import News
from masterdata import parcels
from masterdata.carriers import courier_name
from masterdata.models import Parcel, SlipStatus
from masterdata.statuses import PROBLEMS, TransitStatus

KINDS = {
    TransitStatus.ABNORMAL: "tracking.exception",
    TransitStatus.DELIVERY_FAILED: "tracking.delivery_failed",
    TransitStatus.EXPIRED: "tracking.expired",
}
QUIET = "tracking.quiet"
DIGEST = "tracking.digest"
AT_ONCE = 200  # parcels told in one go
AUDIENCE = (roles.OPERATIONS,)


def register_kinds() -> None:
    for name, title, state in (
        ("tracking.exception", _("Parcel with an exception"), "fail"),
        ("tracking.delivery_failed", _("Parcel not delivered"), "fail"),
        ("tracking.expired", _("Parcel expired"), "fail"),
        (QUIET, _("Parcel without movement"), "retry"),
        (DIGEST, _("Daily e-mail on parcels"), "run"),
    ):
        kinds.add(kinds.Kind(name, title, AUDIENCE, state))


def tell_trouble(changed: Iterable[Parcel], moment: datetime) -> int:
    """Tell of these parcels, whose status has just become one that needs a person."""
    return _tell([_trouble(parcel, moment) for parcel in changed])


def tell_quiet(at: datetime) -> int:
    """Tell of every parcel without movement for TRACKING_QUIET_DAYS, once for each silence."""
    return sum(_tell([_silence(parcel) for parcel in some]) for some in _in_batches(quiet(at)))


def needing_attention(at: datetime) -> QuerySet[Parcel]:
    """Parcels of orders still open that a person should look at."""
    return parcels.needing_attention(at).exclude(slip__status=SlipStatus.DELIVERED)


def quiet(at: datetime) -> QuerySet[Parcel]:
    return needing_attention(at).filter(parcels.no_movement(at)).exclude(status__in=PROBLEMS)


def silent_since(parcel: Parcel) -> datetime:
    return parcel.last_event_at or parcel.followed_since


def day_words(moment: datetime) -> str:
    """The day of a moment where operations are, e.g. '9 Nov'."""
    return date_format(local(moment), "j M")


def _in_batches(found: QuerySet[Parcel]) -> Iterator[Sequence[Parcel]]:
    rows = found.select_related("slip").order_by("pk").iterator(chunk_size=AT_ONCE)
    while some := list(islice(rows, AT_ONCE)):
        yield some


def _tell(news: Sequence[News]) -> int:
    return services.notify_all(people.holding(*AUDIENCE), news) if news else 0


def _trouble(parcel: Parcel, moment: datetime) -> News:
    status = TransitStatus(parcel.status)
    return News(
        kind=KINDS[status],
        title=f"{status.label}: order {parcel.slip.order_id}",
        text=_words(parcel, parcel.last_event),
        url=parcel.slip.get_absolute_url(),
        key=f"parcel:{parcel.pk}:{status}:{moment.isoformat()}",
    )


def _silence(parcel: Parcel) -> News:
    since = silent_since(parcel)
    return News(
        kind=QUIET,
        title=f"No movement since {day_words(since)}: order {parcel.slip.order_id}",
        text=_words(parcel, parcel.last_event),
        url=parcel.slip.get_absolute_url(),
        key=f"parcel:{parcel.pk}:quiet:{since.isoformat()}",
    )


def _words(parcel: Parcel, event: str) -> str:
    carrier = courier_name(parcel.courier_code)
    return f"{carrier} {parcel.number}".strip() + (f": {event}" if event else "")
