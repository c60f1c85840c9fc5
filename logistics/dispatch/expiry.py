"""Offers whose time is over go back. Its cost follows what has expired, by an index, not what there is."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet

from logistics.dispatch import requests, tokens
from logistics.dispatch.models import Answer, Offer, RequestStatus, StockRequest, answer_time

BATCH = 500  # requests in one go


def expire_overdue(at: datetime, limit: int = BATCH) -> list[Offer]:
    """Take back offers whose time is over, the oldest first; returns those of this batch.

    Its statements are the same for one and for 500. Call it again until nothing comes.
    """
    return _expire(StockRequest.objects.all(), at, limit)


def expire_request(request_id: int, at: datetime) -> list[Offer]:
    """Take back the offer of one request, if its time is over."""
    return _expire(StockRequest.objects.filter(pk=request_id), at, 1)


@transaction.atomic
def _expire(among: QuerySet[StockRequest], at: datetime, limit: int) -> list[Offer]:
    overdue = among.filter(status=RequestStatus.ASSIGNING, assignment_started_at__lte=at - answer_time())
    locked = overdue.order_by("assignment_started_at").select_for_update(skip_locked=True, no_key=True)
    drivers = {
        pk: (driver_id, started)
        for pk, driver_id, started in locked.values_list("pk", "target_driver", "assignment_started_at")[
            :limit
        ]
    }
    if not drivers:
        return []
    overdue.filter(pk__in=drivers).update(
        status=RequestStatus.PENDING, expiries=F("expiries") + 1, updated_at=at, **requests.NOBODYS
    )
    tokens.free(drivers, at)
    return _expired_offers(drivers, at)


def _expired_offers(drivers: dict[int, tuple[int, datetime | None]], at: datetime) -> list[Offer]:
    """Close the open offers of these requests; where outside code made none, make the history now."""
    ids = list(Offer.objects.filter(request__in=drivers, answer=Answer.OPEN).values_list("pk", "request"))
    Offer.objects.filter(pk__in=[pk for pk, _ in ids]).update(answer=Answer.EXPIRED, answered_at=at)
    missing = drivers.keys() - {request_id for _, request_id in ids}
    made = Offer.objects.bulk_create(
        Offer(
            request_id=pk,
            driver_id=drivers[pk][0],
            offered_at=drivers[pk][1] or at,
            answer=Answer.EXPIRED,
            answered_at=at,
        )
        for pk in sorted(missing)
    )
    ended = [pk for pk, _ in ids] + [offer.pk for offer in made]
    known = Offer.objects.filter(pk__in=ended).select_related("request", "driver__user")
    return list(known.order_by("pk"))
