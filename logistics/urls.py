"""Every address of this system: pages under /dispatch/, /drive/ and /station/, JSON under /api/."""

from django.urls import include, path, re_path

from ims.lib.routers import Router
from logistics.dispatch import api
from logistics.notifications.api import DevicesView

app_name = "logistics"

router = Router()
router.register("stock-requests", api.StockRequestViewSet, basename="stock-request")

eic_urls = [
    re_path(r"^drivers/available/?$", api.AvailableDriversView.as_view(), name="available-drivers"),
    *router.urls,
]

urlpatterns = [
    path("api/eic/", include(eic_urls)),
    re_path(r"^api/driver/pending-offers/?$", api.PendingOffersView.as_view(), name="pending-offers"),
    re_path(r"^api/driver-trips/accept/?$", api.AcceptView.as_view(), name="accept"),
    re_path(r"^api/driver-trips/reject/?$", api.RejectView.as_view(), name="reject"),
    re_path(r"^api/devices/?$", DevicesView.as_view(), name="devices"),
]
