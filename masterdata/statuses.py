"""The states of a parcel at Track123, the text people read for each, and which is worst."""

from collections.abc import Iterable

from django.db import models


class TransitStatus(models.TextChoices):
    """Track123's transitStatus. Decide on the code; the label is only for people."""

    INIT = "INIT", "Pending"
    NO_RECORD = "NO_RECORD", "No record yet"
    INFO_RECEIVED = "INFO_RECEIVED", "Info received"
    IN_TRANSIT = "IN_TRANSIT", "In Transit"
    WAITING_DELIVERY = "WAITING_DELIVERY", "Out for delivery"
    DELIVERY_FAILED = "DELIVERY_FAILED", "Delivery failed"
    ABNORMAL = "ABNORMAL", "Exception"
    DELIVERED = "DELIVERED", "Delivered"
    EXPIRED = "EXPIRED", "Expired"


# The least advanced first: an order of several parcels shows the first of these that one of them is in.
SEVERITY = (
    TransitStatus.ABNORMAL,
    TransitStatus.DELIVERY_FAILED,
    TransitStatus.EXPIRED,
    TransitStatus.NO_RECORD,
    TransitStatus.INIT,
    TransitStatus.INFO_RECEIVED,
    TransitStatus.IN_TRANSIT,
    TransitStatus.WAITING_DELIVERY,
    TransitStatus.DELIVERED,
)
PROBLEMS = frozenset({TransitStatus.ABNORMAL, TransitStatus.DELIVERY_FAILED, TransitStatus.EXPIRED})
STATUS_LABELS: dict[str, str] = {status.value: str(status.label) for status in TransitStatus}


def worst(statuses: Iterable[str]) -> TransitStatus | None:
    """The status an order shows for its parcels; None where it has none."""
    return min((TransitStatus(status) for status in statuses), key=SEVERITY.index, default=None)
