"""The kinds of messages that people can mute."""

from django.utils.translation import gettext_lazy as _

from ims.accounts import roles
from ims.lib.words import Words
from ims.notices import kinds

ASSIGNMENT_EXPIRED = "ASSIGNMENT_EXPIRED"
ASSIGNMENT_ESCALATED = "ASSIGNMENT_ESCALATED"
DRIVER_REJECTED = "DRIVER_REJECTED"
TRIP_ACCEPTED = "TRIP_ACCEPTED"
NEW_STOCK_REQUEST = "NEW_STOCK_REQUEST"
TRIP_OFFER = "TRIP_OFFER"
OFFER_WITHDRAWN = "OFFER_WITHDRAWN"
TRIP_ASSIGNED = "TRIP_ASSIGNED"
TRIP_WITHDRAWN = "TRIP_WITHDRAWN"
TRIP_COMPLETED = "TRIP_COMPLETED"
TRIP_TIMED_OUT = "TRIP_TIMED_OUT"

KINDS: tuple[tuple[str, Words, str, str], ...] = (
    (NEW_STOCK_REQUEST, _("New stock request"), roles.EIC, "run"),
    (ASSIGNMENT_EXPIRED, _("Offer not answered"), roles.EIC, "retry"),
    (ASSIGNMENT_ESCALATED, _("Request nobody takes"), roles.EIC, "fail"),
    (DRIVER_REJECTED, _("Driver declined"), roles.EIC, "retry"),
    (TRIP_ACCEPTED, _("Driver accepted"), roles.EIC, "ok"),
    (TRIP_OFFER, _("Trip offered"), roles.DRIVER, "run"),
    (OFFER_WITHDRAWN, _("Trip taken back"), roles.DRIVER, "wait"),
    (TRIP_ASSIGNED, _("Trip assigned"), roles.DRIVER, "run"),
    (TRIP_WITHDRAWN, _("Trip no longer yours"), roles.DRIVER, "wait"),
    (TRIP_COMPLETED, _("Transport ended"), roles.PATIENT, "ok"),
    (TRIP_TIMED_OUT, _("Trip without a move"), roles.DISPATCHER, "retry"),
)


def register() -> None:
    for type_, title, role, state in KINDS:
        kinds.add(kinds.Kind(kind_of(type_), title, (role,), state))


def kind_of(type_: str) -> str:
    """The name by which the bell and the mutes know it: TRIP_OFFER → dispatch.trip_offer."""
    return f"dispatch.{type_.lower()}"
