"""The tables of this app, for Django; each package keeps its own beside its services."""

from logistics.dispatch.models import Offer, StockRequest, VehicleToken
from logistics.fleet.models import Driver, Shift, Station, StationStaff, Vehicle
from logistics.notifications.models import DeviceToken, Notification
from logistics.trips.models import Patient, Trip

__all__ = [
    "DeviceToken",
    "Driver",
    "Notification",
    "Offer",
    "Patient",
    "Shift",
    "Station",
    "StationStaff",
    "StockRequest",
    "Trip",
    "Vehicle",
    "VehicleToken",
]
