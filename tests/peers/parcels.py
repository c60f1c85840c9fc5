"""Parcels that move on with time, and believable journeys for the demo's tracking numbers."""

import hashlib
import random
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any


@dataclass(frozen=True)
class Step:
    """What becomes known `after` seconds from the registration; a step without text is no event."""

    after: float  # seconds
    status: str  # transitStatus
    sub_status: str = ""  # transitSubStatus; empty: STATUS_01
    text: str = ""  # eventDetail
    place: str = ""  # address


@dataclass
class Parcel:
    number: str
    steps: list[Step]
    courier: str = ""
    registered_at: float | None = None  # seconds since 1970
    utc_offset_hours: float = 0  # of the places where it is scanned
    fields: dict[str, Any] = field(default_factory=dict)  # overrides of the answer

    def known(self, now: float) -> list[Step]:
        """The steps that have happened, oldest first."""
        age = now - (self.registered_at if self.registered_at is not None else now)
        return [step for step in sorted(self.steps, key=lambda step: step.after) if step.after <= age]

    def status(self, now: float) -> str:
        known = self.known(now)
        return known[-1].status if known else "INIT"

    def content(self, now: float) -> dict[str, Any]:
        """The parcel as an item of the vendor's answer."""
        known = self.known(now)
        events = [self._event(step) for step in reversed(known) if step.text]
        delivered = [step for step in known if step.status == "DELIVERED"]
        return {
            "trackNo": self.number,
            "createTime": self._local(0),
            "transitStatus": self.status(now),
            "transitSubStatus": _sub_status(known[-1]) if known else "INIT_01",
            "deliveredTime": self._local(delivered[0].after) if delivered else None,
            "lastTrackingTime": events[0]["eventTime"] if events else None,
            "localLogisticsInfo": {"courierCode": self.courier, "trackingDetails": events},
            **self.fields,
        }

    def _event(self, step: Step) -> dict[str, Any]:
        return {
            "eventTime": self._local(step.after),
            "eventTimeZeroUTC": f"{self._at(step.after):%Y-%m-%dT%H:%M:%SZ}",
            "timezone": _offset(self.utc_offset_hours),
            "eventDetail": step.text,
            "address": step.place,
            "transitSubStatus": _sub_status(step),
        }

    def _at(self, after: float) -> datetime:
        return datetime.fromtimestamp((self.registered_at or 0) + after, UTC)

    def _local(self, after: float) -> str:
        zone = timezone(timedelta(hours=self.utc_offset_hours))
        return f"{self._at(after).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _sub_status(step: Step) -> str:
    return step.sub_status or f"{step.status}_01"


def _offset(hours: float) -> str:
    return f"{'-' if hours < 0 else '+'}{int(abs(hours)):02d}:{round(abs(hours) % 1 * 60):02d}"


# --- journeys ---------------------------------------------------------------------------------------------

TEXTS = {
    "INFO_RECEIVED": "Shipment information sent to the carrier",
    "IN_TRANSIT": "Arrived at facility",
    "WAITING_DELIVERY": "On vehicle for delivery",
    "DELIVERED": "Delivered - left at front door",
    "DELIVERY_FAILED": "Delivery attempted: nobody was at home",
    "ABNORMAL": "Package damaged, held for inspection",
    "EXPIRED": "No news from the carrier for a long time",
}
WAY = ("INFO_RECEIVED", "IN_TRANSIT", "WAITING_DELIVERY", "DELIVERED")
ENDS = {"DELIVERED": 86, "DELIVERY_FAILED": 4, "ABNORMAL": 4, "EXPIRED": 3, "NO_RECORD": 3}  # percent
HUBS = {
    "fedex": ("Memphis, TN", "Indianapolis, IN", "Fort Worth, TX", "Oakland, CA", "Newark, NJ"),
    "ups": ("Louisville, KY", "Hodgkins, IL", "Ontario, CA", "Dallas, TX", "Philadelphia, PA"),
    "usps": (
        "Chicago, IL",
        "Jersey City, NJ",
        "Kearny, NJ",
        "Denver, CO",
        "Phoenix, AZ",
    ),
}
OTHER_HUBS = ("Rotterdam, NL", "Leipzig, DE", "Dubai, AE", "Mumbai, IN", "Singapore, SG")
TOWNS = ("Austin, TX", "Portland, OR", "Madison, WI", "Savannah, GA", "Boise, ID", "Albany, NY", "Tucson, AZ")
# DEMO-20-0001 is delivered 20 seconds after its registration, DEMO-6D-0001 after six days, some of them over.
OWN_SPEED = re.compile(r"^DEMO-(\d{1,4})(D?)-")
# DEMO-FAILED-0001 and DEMO-DAMAGED-0001 have been stuck for three days when the stand-in first hears of them.
STUCK = {"DEMO-FAILED-": "DELIVERY_FAILED", "DEMO-DAMAGED-": "ABNORMAL"}
DAY = 86_400  # seconds
GONE_BY = 0.4  # of a journey of days, when the stand-in first hears of it


def journey_to(status: str) -> list[Step]:
    """All steps up to this status, the last one now and the others six hours apart."""
    if status == "INIT":
        return [Step(0, "INIT")]
    if status == "NO_RECORD":
        return [Step(0, "NO_RECORD")]
    before = WAY[: WAY.index(status)] if status in WAY else WAY[:2]
    way = (*before, status)
    return [Step((index + 1 - len(way)) * 6 * 3600, name, text=TEXTS[name]) for index, name in enumerate(way)]


def demo_journey(number: str, courier: str) -> list[Step]:
    """The same believable journey each time for one number: most are delivered after 40 to 110 seconds."""
    for prefix, status in STUCK.items():
        if number.startswith(prefix):
            return [replace(step, after=step.after - 3 * DAY) for step in journey_to(status)]
    chance = random.Random(hashlib.sha256(number.encode()).digest())
    own_speed = OWN_SPEED.match(number)
    in_days = bool(own_speed and own_speed[2])
    length = float(own_speed[1]) * (DAY if in_days else 1) if own_speed else chance.uniform(40, 110)
    end = "DELIVERED" if own_speed else chance.choices(list(ENDS), list(ENDS.values()))[0]
    if end == "NO_RECORD":
        return [Step(0, "INIT"), Step(8, "NO_RECORD")]
    hubs = chance.sample(HUBS.get(courier.lower(), OTHER_HUBS), k=chance.randint(2, 4))
    town = chance.choice(TOWNS)
    steps = [
        Step(0.10, "INFO_RECEIVED", text=TEXTS["INFO_RECEIVED"]),
        *_hops(hubs),
        Step(0.80, "WAITING_DELIVERY", text=TEXTS["WAITING_DELIVERY"], place=town),
        Step(1.00, end, text=TEXTS[end], place=town),
    ]
    if end == "EXPIRED":
        del steps[-2]  # it was lost on the way
    begun = length * GONE_BY if in_days else 0
    return [Step(-begun, "INIT"), *(replace(step, after=step.after * length - begun) for step in steps)]


def _hops(hubs: list[str]) -> list[Step]:
    """Two scans at each hub, spread over the middle of the journey."""
    scans = [(hub, text) for hub in hubs for text in ("Arrived at facility", "Departed from facility")]
    return [
        Step(0.20 + 0.50 * index / len(scans), "IN_TRANSIT", f"IN_TRANSIT_0{1 + index % 2}", text, hub)
        for index, (hub, text) in enumerate(scans)
    ]
