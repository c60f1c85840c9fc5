"""The tables of this app, for Django; each package keeps its own beside its services."""

from logistics.dispatch.models import Offer, StockRequest, VehicleToken
from logistics.fleet.models import Driver, Shift, Station, StationStaff, Vehicle
from logistics.notifications.models import DeviceToken, Notification
from logistics.trips.live_models import GpsPoint, TripEvent, TripFeed, TripProof
from logistics.trips.models import Company, Contract, Patient, Trip

__all__ = [
    "Company",
    "Contract",
    "DeviceToken",
    "Driver",
    "GpsPoint",
    "Notification",
    "Offer",
    "Patient",
    "Shift",
    "Station",
    "StationStaff",
    "StockRequest",
    "Trip",
    "TripEvent",
    "TripFeed",
    "TripProof",
    "Vehicle",
    "VehicleToken",
]
