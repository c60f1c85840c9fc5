"""The couriers people choose from, and each one's own page about a parcel."""

from urllib.parse import quote

from masterdata.models import Parcel

COURIERS = {
    "fedex": "FedEx",
    "ups": "UPS",
    "usps": "USPS",
    "dhl": "DHL Express",
    "dpd": "DPD",
    "gls": "GLS",
    "india-post": "India Post",
    "bluedart": "Blue Dart",
    "delhivery": "Delhivery",
    "dtdc": "DTDC",
}
PAGES = {
    "fedex": "https://www.fedex.com/fedextrack/?trknbr={}",
    "ups": "https://www.ups.com/track?tracknum={}",
    "usps": "https://tools.usps.com/go/TrackConfirmAction?tLabels={}",
    "dhl": "https://www.dhl.com/en/express/tracking.html?AWB={}",
    "delhivery": "https://www.delhivery.com/track/package/{}",
}


def courier_name(code: str) -> str:
    """What people call it; a courier that only Track123 knows keeps its code."""
    return COURIERS.get(code.strip().lower(), code)


def parcel_page(parcel: Parcel) -> str:
    """The carrier's own page about this parcel; empty where we know none."""
    page = PAGES.get(parcel.courier_code, "")
    return page.format(quote(parcel.number, safe=""))
