"""Every address of this system: pages under /shipments/, JSON under /api/masterdata/."""

from django.urls import include, path, re_path

from ims.lib.routers import Router
from masterdata import api, bulk_views, report_api, report_views, sheet_views, views
from masterdata.tracking_service import SCHEDULE

app_name = "masterdata"

router = Router()
router.register("packing-slips", api.PackingSlipViewSet, basename="packing-slip")
router.register("products", api.ProductViewSet, basename="product")

scheduler = api.TrackingSchedulerView.as_view(schedule=SCHEDULE, subject="tracking update")

api_urls = [
    re_path(r"^tracking/scheduler/?$", scheduler, name="tracking-scheduler"),
    re_path(r"^tracking/update/?$", api.TrackingUpdateView.as_view(), name="tracking-update"),
    re_path(r"^tracking/report/?$", report_api.TrackingReportView.as_view(), name="tracking-report"),
    re_path(
        r"^track123/webhook/(?P<secret>[^/]+)/?$", api.Track123WebhookView.as_view(), name="track123-webhook"
    ),
    *router.urls,
]

urlpatterns = [
    path("api/masterdata/", include(api_urls)),
    path("shipments/", views.shipments, name="shipments"),
    path("shipments/update/", views.update_all, name="update-all"),
    path("shipments/report/", report_views.report, name="report"),
    path("shipments/report/<str:name>", report_views.export, name="report-export"),
    path("shipments/import/", sheet_views.upload, name="import-upload"),
    path("shipments/import/template.<str:kind>", sheet_views.template, name="import-template"),
    path("shipments/import/<int:pk>/", sheet_views.preview, name="import"),
    path("shipments/import/<int:pk>/confirm/", sheet_views.confirm, name="import-confirm"),
    path("shipments/export.<str:kind>", sheet_views.export, name="export"),
    path("shipments/bulk/", bulk_views.ask, name="bulk"),
    path("shipments/bulk/confirm/", bulk_views.confirm, name="bulk-confirm"),
    path("shipments/progress/", views.progress, name="progress"),
    path("shipments/<int:pk>/", views.shipment, name="shipment"),
    path("shipments/<int:pk>/update/", views.update_one, name="update-one"),
    path("shipments/<int:pk>/<str:change>/", views.change_one, name="change-one"),
]
