"""The tables of this app, for Django; each package keeps its own beside its services."""

from logistics.billing.models import (
    CompanyMember,
    Invoice,
    InvoiceCounter,
    InvoiceMail,
    Payment,
    Tariff,
)
from logistics.dispatch.models import Offer, StockRequest, VehicleToken
from logistics.fleet.models import Driver, Shift, Station, StationStaff, Vehicle
from logistics.notifications.models import DeviceToken, Notification
from logistics.trips.live_models import GpsPoint, TripEvent, TripFeed, TripProof
from logistics.trips.models import Company, Contract, Patient, Trip

__all__ = [
    "Company",
    "CompanyMember",
    "Contract",
    "DeviceToken",
    "Driver",
    "GpsPoint",
    "Invoice",
    "InvoiceCounter",
    "InvoiceMail",
    "Notification",
    "Offer",
    "Patient",
    "Payment",
    "Shift",
    "Station",
    "StationStaff",
    "StockRequest",
    "Tariff",
    "Trip",
    "TripEvent",
    "TripFeed",
    "TripProof",
    "Vehicle",
    "VehicleToken",
]
