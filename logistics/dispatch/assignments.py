"""The EIC offers a trip to a driver, and may take the offer back.

Here as in answers.py and expiry.py each change of a request is one conditional UPDATE: of an answer and the
expiry at the same moment one wins, and an accepted request can never fall back. What binds a driver or a
vehicle happens under their locks, always taken in the order driver, vehicle, request.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from ims.accounts.models import User
from logistics.dispatch import candidates, requests, tokens
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import (
    ASSIGNABLE,
    Answer,
    AssignmentMode,
    Offer,
    RequestStatus,
    StockRequest,
    TokenStatus,
    VehicleToken,
)
from logistics.fleet.models import Driver, Shift


@transaction.atomic
def offer_to(request: StockRequest, driver_id: int, by: User | None, at: datetime, notes: str = "") -> Offer:
    """Offer the trip to the driver whom the EIC chose. Raises Refused."""
    driver = lock_driver(driver_id)
    if driver is None:
        raise Refused("unknown_driver", f"There is no driver {driver_id}.", "driver_id")
    shift = candidates.ready_shift(driver, request.dbs.parent_station, at)
    return _offer(request, driver, shift, AssignmentMode.MANUAL, by, at, notes)


@transaction.atomic
def offer_to_first_in_queue(
    request: StockRequest, by: User | None, at: datetime, notes: str = ""
) -> Offer | None:
    """Offer a queued request to the first vehicle that waits and can come; None where there is none.

    A driver who has declined this request is not asked again.
    """
    ms = request.dbs.parent_station
    assert ms is not None
    refused = request.offers.filter(answer__in=candidates.REFUSALS).values("driver")
    for token in tokens.waiting(ms, at).exclude(driver__in=refused):
        driver = lock_driver(token.driver_id)
        if (
            driver is None
            or not VehicleToken.objects.filter(pk=token.pk, status=TokenStatus.WAITING).exists()
        ):
            continue  # somebody was faster
        try:
            shift = candidates.ready_shift(driver, ms, at)
        except Refused:
            continue
        if shift.vehicle_id == token.vehicle_id:
            return _offer(request, driver, shift, AssignmentMode.AUTO, by, at, notes)
    return None


def _offer(
    request: StockRequest,
    driver: Driver,
    shift: Shift,
    mode: AssignmentMode,
    by: User | None,
    at: datetime,
    notes: str = "",
) -> Offer:
    """With the driver and the vehicle locked and found ready."""
    here = StockRequest.objects.filter(pk=request.pk, status__in=ASSIGNABLE)
    fields = {"approved_by": by, "approved_at": at} if by is not None else {}
    changed = here.update(
        status=RequestStatus.ASSIGNING,
        target_driver=driver,
        assignment_mode=mode,
        assignment_started_at=at,
        updated_at=at,
        **fields,
        **({"notes": notes} if notes else {}),
    )
    request.refresh_from_db()
    if not changed:
        raise requests.illegal(request, RequestStatus.ASSIGNING)
    tokens.allocate(request, shift.vehicle, at)
    return Offer.objects.create(
        request=request, driver=driver, vehicle=shift.vehicle, offered_by=by, offered_at=at
    )


@transaction.atomic
def withdraw(request: StockRequest, at: datetime, reason: str = "") -> Offer:
    """The EIC takes an open offer back. Raises Refused."""
    if not give_back(StockRequest.objects.filter(pk=request.pk), at):
        request.refresh_from_db()
        raise Refused("not_available", f"There is no open offer: the request is {request.status}.", "status")
    tokens.free([request.pk], at)
    request.refresh_from_db()
    return closed(request.pk, Answer.WITHDRAWN, at, reason)


def lock_driver(driver_id: int) -> Driver | None:
    """What a driver does, and what is done to him, happens one after the other."""
    drivers = Driver.objects.select_for_update(no_key=True, of=("self",))
    return drivers.select_related("user").filter(pk=driver_id).first()


def give_back(offered: QuerySet[StockRequest], at: datetime) -> int:
    """ASSIGNING → PENDING: nobody's again."""
    here = offered.filter(status=RequestStatus.ASSIGNING)
    return here.update(status=RequestStatus.PENDING, updated_at=at, **requests.NOBODYS)


def closed(request_id: int, answer: Answer, at: datetime, reason: str) -> Offer:
    """Keep how the open offer ended; every open offer has its record."""
    offer = requests.close_offer(request_id, answer, at, reason)
    if offer is None:
        raise Refused("not_available", "The offer has no record: reload, and try again.")
    return offer
