"""Every address of dispatch, drivers, stations, trips and invoices: pages, and JSON under /api/."""

from django.urls import include, path, re_path

from ims.lib.routers import Router
from logistics import board_stream_views
from logistics.billing import act_views, price_views
from logistics.billing import views as billing_views
from logistics.billing.api import ExportView, InvoiceViewSet, PaymentView
from logistics.dispatch import api, board_views, driver_views, station_views
from logistics.notifications import views
from logistics.notifications.api import DevicesView
from logistics.trips import share_views, stream_views, trip_views
from logistics.trips.api import TripViewSet
from logistics.trips.gps_api import EventsView, GpsView

app_name = "logistics"

router = Router()
router.register("stock-requests", api.StockRequestViewSet, basename="stock-request")

trip_router = Router()
trip_router.register("trips", TripViewSet, basename="api-trip")
trip_router.register("invoices", InvoiceViewSet, basename="api-invoice")

trip_urls = [
    path("", trip_views.show_board, name="trips"),
    path("stream/", board_stream_views.trips, name="trips-stream"),
    path("new/", trip_views.new, name="trip-new"),
    path("<int:pk>/", trip_views.show, name="trip"),
    path("<int:pk>/now/", trip_views.part, name="trip-part"),
    path("<int:pk>/price/", price_views.of_trip, name="trip-price"),
    path("<int:pk>/proofs/<int:proof_pk>/", trip_views.proof, name="trip-proof"),
    path("<int:pk>/<str:verb>/", trip_views.act, name="trip-act"),
]

invoice_urls = [
    path("", billing_views.show_list, name="invoices"),
    path("export/", billing_views.export, name="invoices-export"),
    path("new/", act_views.new, name="invoice-new"),
    path("price/", price_views.price, name="invoice-price"),
    path("<int:pk>/", billing_views.show, name="invoice"),
    path("<int:pk>/pdf/", billing_views.paper, name="invoice-pdf"),
    path("<int:pk>/payments/<int:payment_pk>/<str:verb>/", act_views.act_on_payment, name="payment-act"),
    path("<int:pk>/<str:verb>/", act_views.act, name="invoice-act"),
]

share_urls = [
    path("", share_views.show, name="share"),
    path("stream/", stream_views.shared, name="share-stream"),
    path("events/", share_views.events, name="share-events"),
]

eic_urls = [
    re_path(r"^drivers/available/?$", api.AvailableDriversView.as_view(), name="available-drivers"),
    *router.urls,
]

dispatch_urls = [
    path("", board_views.show, name="board"),
    path("board/", board_views.part, name="board-part"),
    path("stream/", board_stream_views.dispatch, name="board-stream"),
    path("requests/<int:pk>/", board_views.detail, name="request"),
    path("requests/<int:pk>/now/", board_views.detail_part, name="request-part"),
    path("requests/<int:pk>/drivers/", board_views.drivers, name="request-drivers"),
    path("requests/<int:pk>/<str:verb>/", board_views.change, name="request-change"),
    path("shifts/", board_views.shift_list, name="shifts"),
    path("shifts/<int:pk>/<str:verb>/", board_views.decide_shift, name="shift-decide"),
]

drive_urls = [
    path("", driver_views.show, name="drive"),
    path("now/", driver_views.part, name="drive-part"),
    path("offers/<int:pk>/<str:verb>/", driver_views.answer, name="drive-answer"),
    path("trips/<int:pk>/step/", driver_views.step, name="drive-step"),
    path("queue/<str:verb>/", driver_views.queue, name="drive-queue"),
    path("shifts/", driver_views.propose_shift, name="drive-shift"),
    path("shifts/<int:pk>/take-back/", driver_views.take_shift_back, name="drive-shift-back"),
]

station_urls = [
    path("", station_views.show, name="station"),
    path("now/", station_views.part, name="station-part"),
    path("ask/", station_views.ask, name="station-ask"),
    path("requests/<int:pk>/cancel/", station_views.cancel, name="station-cancel"),
]

urlpatterns = [
    path("dispatch/", include(dispatch_urls)),
    path("drive/", include(drive_urls)),
    path("station/", include(station_urls)),
    path("trips/", include(trip_urls)),
    path("invoices/", include(invoice_urls)),
    path("share/<str:token>/", include(share_urls)),
    path("messages/", views.deliveries, name="deliveries"),
    re_path(r"^api/invoices/export/?$", ExportView.as_view(), name="api-invoices-export"),
    path("api/", include(trip_router.urls)),
    re_path(r"^api/trips/(?P<pk>\d{1,18})/gps/?$", GpsView.as_view(), name="trip-gps"),
    re_path(r"^api/trips/(?P<pk>\d{1,18})/events/?$", EventsView.as_view(), name="trip-events"),
    re_path(r"^api/trips/(?P<trip_id>\d{1,18})/stream/?$", stream_views.trip, name="trip-stream"),
    re_path(
        r"^api/invoices/(?P<pk>\d{1,18})/payments/(?P<payment_pk>\d{1,18})/?$",
        PaymentView.as_view(),
        name="api-payment",
    ),
    path("api/eic/", include(eic_urls)),
    re_path(r"^api/driver/pending-offers/?$", api.PendingOffersView.as_view(), name="pending-offers"),
    re_path(r"^api/driver-trips/accept/?$", api.AcceptView.as_view(), name="accept"),
    re_path(r"^api/driver-trips/reject/?$", api.RejectView.as_view(), name="reject"),
    re_path(r"^api/devices/?$", DevicesView.as_view(), name="devices"),
]
