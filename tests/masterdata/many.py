"""Many packing slips at once, each with one parcel that Track123 knows."""

from django.utils.timezone import now

from masterdata.models import PackingSlip, Parcel
from tests.peers.track123 import Track123Server


def ship_many(vendor: Track123Server, count: int, status: str = "IN_TRANSIT") -> list[PackingSlip]:
    slips = [
        PackingSlip(
            order_id=f"A-{number}", status="shipped", tracking_vendor="fedex", tracking_ids=f"TN{number}"
        )
        for number in range(count)
    ]
    PackingSlip.objects.bulk_create(slips)
    Parcel.objects.bulk_create(
        Parcel(slip=slip, number=slip.tracking_ids, courier_code="fedex", registered_at=now())
        for slip in slips
    )
    for slip in slips:
        vendor.add(slip.tracking_ids, status, courier="fedex")
    return slips
