"""What EICs and drivers are told of stock requests and offers: each event one job, tried again by itself."""

from typing import Any

from logistics.dispatch import messages
from logistics.dispatch.models import Answer, Offer, StockRequest
from logistics.notifications import services as notifications
from logistics.tasks.policy import PUSH
from scheduling import HIGH, NORMAL, task


@task(queue=NORMAL, timeout=180, retries=PUSH)
def notify_eic_assignment_expired(stock_request_id: int, offer_id: int | None = None) -> int:
    """Tell the EICs that a driver did not answer; returns how many devices were really reached."""
    ended = offers().filter(request=stock_request_id, answer=Answer.EXPIRED)
    offer = ended.get(pk=offer_id) if offer_id else ended.latest("pk")
    return notifications.tell(messages.eics(offer.request), messages.assignment_expired(offer))


@task(queue=NORMAL, timeout=180, retries=PUSH)
def notify_eic_assignment_escalated(stock_request_id: int) -> int:
    """Tell the EICs, by e-mail too, of a request that nobody takes."""
    request = requests().get(pk=stock_request_id)
    return notifications.tell(messages.eics(request), messages.assignment_escalated(request))


@task(queue=NORMAL, timeout=180, retries=PUSH)
def notify_eic_driver_rejected(offer_id: int) -> int:
    """Tell the EICs that a driver declined."""
    offer = offers().get(pk=offer_id)
    return notifications.tell(messages.eics(offer.request), messages.driver_rejected(offer))


@task(queue=NORMAL, timeout=180, retries=PUSH)
def notify_eic_trip_accepted(offer_id: int, trip_id: int) -> int:
    """Tell the EICs that a driver accepted."""
    offer = offers().get(pk=offer_id)
    return notifications.tell(messages.eics(offer.request), messages.trip_accepted(offer, trip_id))


@task(queue=NORMAL, timeout=180, retries=PUSH)
def notify_eic_new_request(stock_request_id: int) -> int:
    """Tell the EICs of the mother station that a daughter asks for gas."""
    request = requests().get(pk=stock_request_id)
    return notifications.tell(messages.eics(request), messages.new_request(request))


@task(queue=HIGH, timeout=60, retries=PUSH)
def notify_driver_trip_offer(offer_id: int) -> int:
    """Offer a trip on the driver's phone; nothing once it is answered."""
    offer = offers().get(pk=offer_id)
    message = messages.trip_offer(offer)
    if offer.answer != Answer.OPEN:
        return notifications.drop(message.key, "The offer ended before it arrived.")
    return notifications.tell([offer.driver.user], message)


@task(queue=HIGH, timeout=60, retries=PUSH)
def notify_driver_offer_withdrawn(offer_id: int) -> int:
    """Tell the driver that an offer is taken back."""
    offer = offers().get(pk=offer_id)
    return notifications.tell([offer.driver.user], messages.offer_withdrawn(offer))


def offers() -> Any:
    return Offer.objects.select_related("driver__user", "request__dbs__parent_station")


def requests() -> Any:
    return StockRequest.objects.select_related("dbs__parent_station")
