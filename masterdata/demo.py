"""A believable small firm for `make run`: products, orders in every state, and parcels that move.

Only where DEBUG is on. The numbers DEMO-… are made so that the local Track123 stand-in moves them on.
"""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils.timezone import now

from masterdata import slips
from masterdata.models import (
    GoogleDriveSettings,
    PackingSlip,
    Parcel,
    ParcelEvent,
    Product,
    SlipStatus,
)
from masterdata.statuses import TransitStatus

KEY = "demo-key"  # of the stand-in
EMAIL = "tracking@demo.example"
PREFIX = "DM-"  # of the demo's order ids
ORDERS = 300
MOST_ORDERS = 500  # older ones are removed beyond
FRESH = 12  # orders whose parcels arrive before the newcomer's eyes
AT_ONCE = 3  # new orders of each later round
SLOW = 1  # of them, whose parcels take days

PRODUCTS = (
    ("Ceramic mug, 11 oz", "MUG-11-WHT", "3.10", "4.20", "16.90"),
    ("Engraved cutting board", "BRD-OAK-L", "9.40", "7.80", "44.00"),
    ("Embroidered cap", "CAP-NVY", "4.75", "4.10", "24.50"),
    ("Canvas print, 40 × 60 cm", "CNV-4060", "11.20", "9.90", "59.00"),
    ("Linen tea towel", "TWL-LIN", "2.60", "3.60", "14.00"),
    ("Leather key ring", "KEY-LTH", "1.90", "3.20", "12.50"),
    ("Photo calendar A3", "CAL-A3", "5.30", "5.40", "27.00"),
    ("Wool scarf", "SCF-WOL", "12.80", "5.60", "49.00"),
)
PEOPLE = (
    "Maya Lindqvist", "Tom Okafor", "Priya Raman", "Jonas Weber", "Elena Petrova", "Sam Carter",
    "Aisha Khan", "Diego Morales", "Hannah Cole", "Noah Fischer", "Grace Mbeki", "Liam Byrne",
    "Sofia Rossi", "Ben Adler", "Yuki Tanaka", "Clara Novak",
)  # fmt: skip
TOWNS = (
    "14 Elm Street\nAustin, TX 78701",
    "220 Pine Avenue\nPortland, OR 97205",
    "8 Lake Road\nMadison, WI 53703",
    "31 Bay Lane\nSavannah, GA 31401",
    "77 Ridge Drive\nBoise, ID 83702",
    "5 Hill Court\nAlbany, NY 12207",
    "120 Mesa Way\nTucson, AZ 85701",
)
WISHES = ("", "", "", "Engrave: 'For Dad'", "Thread: gold", "Gift wrap", "Name: Oliver", "Matte finish")
VENDORS = ("fedex", "ups", "usps")
BEFORE_SHIPPING = (
    SlipStatus.NEW_ORDER,
    SlipStatus.DIGITIZING,
    SlipStatus.READY_FOR_PRODUCTION,
    SlipStatus.IN_PRODUCTION,
    SlipStatus.QUALITY_CHECK,
    SlipStatus.READY_TO_SHIP,
)
WAY = (
    (TransitStatus.INFO_RECEIVED, "Shipment information sent to the carrier", ""),
    (TransitStatus.IN_TRANSIT, "Arrived at facility", "Memphis, TN"),
    (TransitStatus.IN_TRANSIT, "Departed from facility", "Memphis, TN"),
    (TransitStatus.IN_TRANSIT, "Arrived at facility", "Denver, CO"),
    (TransitStatus.WAITING_DELIVERY, "On vehicle for delivery", "Denver, CO"),
)
ENDS = {
    TransitStatus.DELIVERED: "Delivered - left at front door",
    TransitStatus.DELIVERY_FAILED: "Delivery attempted: nobody was at home",
    TransitStatus.ABNORMAL: "Package damaged, held for inspection",
}
TROUBLE = {  # how a number begins whose parcel the stand-in knows as stuck, so that trouble stays trouble
    TransitStatus.DELIVERY_FAILED: "DEMO-FAILED",
    TransitStatus.ABNORMAL: "DEMO-DAMAGED",
}
HISTORY = {  # how many of a hundred past orders ended how
    TransitStatus.DELIVERED: 95,
    TransitStatus.DELIVERY_FAILED: 3,
    TransitStatus.ABNORMAL: 2,
}
RECENT = timedelta(days=7)  # orders since then are still on their way


def fill() -> int:
    """Make what is missing of the demo, never what people changed; returns how many orders are new."""
    products = [add_product(*row) for row in PRODUCTS]
    GoogleDriveSettings.objects.get_or_create(email=EMAIL, defaults={"track123_api_key": KEY})
    if PackingSlip.objects.filter(order_id__startswith=PREFIX).exists():
        return 0
    chance = random.Random(20261122)  # noqa: S311 - the same firm each time
    moment = now()
    with transaction.atomic():
        orders = [order(chance, products, moment, number) for number in range(1, ORDERS + 1)]
        PackingSlip.objects.bulk_create(orders)
        tell_history(chance, orders, moment)
    return ORDERS + len(ship_orders(FRESH, slow=0))


def add_product(name: str, code: str, item_cost: str, shipping_cost: str, price: str) -> Product:
    defaults = {"name": name, "sku": f"IMS-{code}", "item_cost": item_cost, "shipping_cost": shipping_cost}
    return Product.objects.get_or_create(code=code, defaults=defaults)[0]


def order(chance: random.Random, products: list[Product], moment: datetime, number: int) -> PackingSlip:
    """One of the last seven weeks' orders, the lowest number the oldest; the newest are not shipped yet."""
    age = timedelta(days=49 * (1 - number / ORDERS), minutes=chance.randint(5, 600))
    shipped = age > timedelta(days=5)
    slip = new_slip(chance, products, f"{PREFIX}{10000 + number}")
    slip.created_at = moment - age
    slip.status = SlipStatus.SHIPPED if shipped else chance.choice(BEFORE_SHIPPING)
    return slip


def new_slip(chance: random.Random, products: list[Product], order_id: str) -> PackingSlip:
    product = chance.choice(products)
    price = next(Decimal(row[4]) for row in PRODUCTS if row[1] == product.code)
    quantity = chance.choice((1, 1, 1, 2, 3))
    return PackingSlip(
        order_id=order_id,
        ship_to=f"{chance.choice(PEOPLE)}\n{chance.choice(TOWNS)}",
        product=product,
        quantity=quantity,
        customizations=chance.choice(WISHES),
        sales_price=price * quantity,
        shipping_price=Decimal("4.95"),
        item_cost=Decimal(product.item_cost) * quantity,
        shipping_cost=product.shipping_cost,
        platform_fee_percent=Decimal("6.5"),
        tracking_vendor=chance.choice(VENDORS),
    )


def tracking_number(chance: random.Random) -> str:
    return f"DEMO-{chance.randint(20, 110)}-{chance.randrange(10**8):08d}"


def slow_number(chance: random.Random) -> str:
    """The stand-in moves this parcel for days, and knows it as on its way from the first question on."""
    return f"DEMO-{chance.randint(4, 9)}D-{chance.randrange(10**8):08d}"


def numbers_to(chance: random.Random, end: TransitStatus, count: int) -> list[str]:
    if end in TROUBLE:
        return [f"{TROUBLE[end]}-{chance.randrange(10**8):08d}"]
    if end == TransitStatus.IN_TRANSIT:
        return [slow_number(chance) for _ in range(count)]
    return [tracking_number(chance) for _ in range(count)]


def tell_history(chance: random.Random, orders: Iterable[PackingSlip], moment: datetime) -> None:
    """Give the shipped orders of the past their parcels and stories."""
    parcels: list[Parcel] = []
    events: list[ParcelEvent] = []
    for slip in orders:
        if slip.status != SlipStatus.SHIPPED:
            continue
        recent = slip.created_at > moment - RECENT
        end = TransitStatus.IN_TRANSIT if recent else chance.choices(list(HISTORY), list(HISTORY.values()))[0]
        numbers = numbers_to(chance, end, chance.choice((1, 1, 1, 1, 2)))
        slip.tracking_ids = ", ".join(numbers)
        for number in numbers:
            parcel, story = told_parcel(chance, slip, number, end, moment)
            parcels.append(parcel)
            events += story if end == TransitStatus.DELIVERED else []  # the stand-in tells the other stories
        close(slip, end, parcels[-1])
    Parcel.objects.bulk_create(parcels)
    ParcelEvent.objects.bulk_create(events)
    PackingSlip.objects.bulk_update(orders, ["status", "tracking_ids", "tracking_status", "delivered_at"])


def told_parcel(
    chance: random.Random, slip: PackingSlip, number: str, end: TransitStatus, moment: datetime
) -> tuple[Parcel, list[ParcelEvent]]:
    way = list(WAY) if end in ENDS else list(WAY[: chance.randint(2, 4)])
    if end in ENDS:
        way.append((end, ENDS[end], slip.ship_to.rpartition("\n")[2]))
    start = slip.created_at + timedelta(days=1)
    step = min((moment - start) / (len(way) + 1), timedelta(hours=chance.randint(9, 20)))
    parcel = Parcel(
        slip=slip,
        number=number,
        courier_code=slip.tracking_vendor,
        status=way[-1][0],
        sub_status=f"{way[-1][0]}_01",
        last_event=way[-1][1],
        last_event_at=start + step * (len(way) - 1),
        registered_at=start,
        asked_at=start + step * len(way),
        followed_since=start,
        created_at=start,
    )
    if end == TransitStatus.DELIVERED:
        parcel.delivered_at = parcel.last_event_at
    story = [
        ParcelEvent(
            parcel=parcel, at=start + step * index, status=f"{status}_01", description=text, place=place
        )
        for index, (status, text, place) in enumerate(way)
    ]
    return parcel, story


def close(slip: PackingSlip, end: TransitStatus, last: Parcel) -> None:
    slip.tracking_status = str(TransitStatus(last.status).label)
    if end == TransitStatus.DELIVERED:
        slip.status, slip.delivered_at = SlipStatus.DELIVERED, last.delivered_at


def ship_orders(count: int = AT_ONCE, slow: int = SLOW) -> list[int]:
    """Enter orders that are shipped at this moment, the last few of them slow; returns their ids.

    The oldest orders beyond 500 go.
    """
    chance = random.Random()  # noqa: S311
    products = [add_product(*row) for row in PRODUCTS]
    stamp = f"{now():%m%d%H%M%S}"
    fresh = [new_slip(chance, products, f"{PREFIX}{stamp}{number:02d}") for number in range(count)]
    for place, slip in enumerate(fresh):
        number = slow_number(chance) if place >= count - slow else tracking_number(chance)
        slip.status, slip.tracking_ids = SlipStatus.SHIPPED, number
    with transaction.atomic():
        PackingSlip.objects.bulk_create(fresh)
        for slip in fresh:
            slips.keep_parcels(slip)
        remove_oldest()
    return [slip.pk for slip in fresh]


def remove_oldest() -> int:
    """Keep the demo's newest orders alone; orders that people entered are theirs."""
    own = PackingSlip.objects.filter(order_id__startswith=PREFIX).order_by("-id")
    too_many = list(own.values_list("pk", flat=True)[MOST_ORDERS:])
    PackingSlip.objects.filter(pk__in=too_many).delete()
    return len(too_many)
