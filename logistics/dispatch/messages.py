"""What people are told of dispatch: the texts that phones and the bell show, and who gets them."""

from collections.abc import Iterable

from ims.accounts.models import User
from logistics.dispatch.models import Offer, StockRequest, answer_time
from logistics.fleet import services as fleet
from logistics.notifications import kinds
from logistics.notifications.services import Message

BOARD = "/dispatch/"
DRIVE = "/drive/"


def eics(request: StockRequest) -> Iterable[User]:
    """The active EICs of the mother station that supplies this request's station."""
    ms = request.dbs.parent_station
    return fleet.eics_of(ms) if ms else ()


def assignment_expired(offer: Offer) -> Message:
    name, dbs = offer.driver.name, offer.request.dbs.name
    return Message(
        type=kinds.ASSIGNMENT_EXPIRED,
        title="Driver Assignment Expired",
        body=f"{name} did not accept the trip to {dbs}. Please reassign.",
        key=f"offer:{offer.pk}:expired",
        data={**_facts(offer), "action": "REASSIGN_REQUIRED", "type": kinds.ASSIGNMENT_EXPIRED},
        url=BOARD,
    )


def assignment_escalated(request: StockRequest) -> Message:
    dbs = request.dbs.name
    return Message(
        type=kinds.ASSIGNMENT_ESCALATED,
        title="Nobody Takes This Trip",
        body=f"{request.expiries} offers of the trip to {dbs} were not answered."
        " Call a driver, or assign another.",
        key=f"request:{request.pk}:escalated",
        data={
            "type": kinds.ASSIGNMENT_ESCALATED,
            "stock_request_id": str(request.pk),
            "dbs_name": dbs,
            "action": "REASSIGN_REQUIRED",
        },
        url=BOARD,
        by_email=True,
    )


def driver_rejected(offer: Offer) -> Message:
    name, dbs = offer.driver.name, offer.request.dbs.name
    reason = f" Reason: {offer.reason.rstrip('.')}." if offer.reason else ""
    return Message(
        type=kinds.DRIVER_REJECTED,
        title="Driver Declined",
        body=f"{name} declined the trip to {dbs}.{reason} Please reassign.",
        key=f"offer:{offer.pk}:rejected",
        data={
            **_facts(offer),
            "type": kinds.DRIVER_REJECTED,
            "reason": offer.reason,
            "action": "REASSIGN_REQUIRED",
        },
        url=BOARD,
    )


def trip_accepted(offer: Offer, trip_id: int) -> Message:
    name, dbs = offer.driver.name, offer.request.dbs.name
    return Message(
        type=kinds.TRIP_ACCEPTED,
        title="Trip Accepted",
        body=f"{name} accepted the trip to {dbs}.",
        key=f"offer:{offer.pk}:accepted",
        data={**_facts(offer), "type": kinds.TRIP_ACCEPTED, "trip_id": str(trip_id)},
        url=BOARD,
    )


def new_request(request: StockRequest) -> Message:
    dbs = request.dbs.name
    return Message(
        type=kinds.NEW_STOCK_REQUEST,
        title="New Stock Request",
        body=f"{dbs} asks for {request.requested_qty_kg:,.0f} kg, priority {request.get_priority_display()}.",
        key=f"request:{request.pk}:new",
        data={
            "type": kinds.NEW_STOCK_REQUEST,
            "stock_request_id": str(request.pk),
            "dbs_name": dbs,
            "priority": request.priority,
        },
        url=BOARD,
    )


def trip_offer(offer: Offer) -> Message:
    request = offer.request
    ms, seconds = request.dbs.parent_station, int(answer_time().total_seconds())
    return Message(
        type=kinds.TRIP_OFFER,
        title="New Trip Offer",
        body=f"{ms.name if ms else ''} to {request.dbs.name}, {request.requested_qty_kg:,.0f} kg."
        f" Answer within {seconds} seconds.",
        key=f"offer:{offer.pk}:offered",
        data={
            **_facts(offer),
            "type": kinds.TRIP_OFFER,
            "timeout_seconds": str(seconds),
            "priority": request.priority,
        },
        url=DRIVE,
    )


def offer_withdrawn(offer: Offer) -> Message:
    return Message(
        type=kinds.OFFER_WITHDRAWN,
        title="Trip Taken Back",
        body=f"The trip to {offer.request.dbs.name} is no longer yours.",
        key=f"offer:{offer.pk}:withdrawn",
        data={**_facts(offer), "type": kinds.OFFER_WITHDRAWN},
        url=DRIVE,
    )


def _facts(offer: Offer) -> dict[str, str]:
    """What every app needs to know of an offer; all texts, as FCM wants."""
    return {
        "stock_request_id": str(offer.request_id),
        "driver_id": str(offer.driver_id),
        "driver_name": offer.driver.name,
        "dbs_name": offer.request.dbs.name,
    }
