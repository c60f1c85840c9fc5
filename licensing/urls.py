"""Every address of this system: pages under /licences/, JSON under /api/licensing/."""

from django.urls import include, path, re_path

from ims.lib.routers import Router
from licensing import allotment_views, api, attachment_views, file_api, sheet_views, sync_views, views

app_name = "licensing"

router = Router()
router.register("licenses", api.LicenseViewSet, basename="api-license")
router.register("export-items", api.ExportItemViewSet, basename="api-export-item")
router.register("import-items", api.ImportItemViewSet, basename="api-import-item")
router.register("allotments", api.AllotmentViewSet, basename="api-allotment")
router.register("bills-of-entry", api.BillOfEntryViewSet, basename="api-boe")
router.register("boe-rows", api.BOERowViewSet, basename="api-boe-row")
router.register("sync-runs", api.SyncRunViewSet, basename="api-sync-run")
router.register("attachments", file_api.AttachmentViewSet, basename="api-attachment")
router.register("imports", file_api.ImportViewSet, basename="api-import")

urlpatterns = [
    re_path(
        r"^api/licensing/exports/(?P<kind>licences|boes|allotments)\.xlsx/?$",
        file_api.ExportView.as_view(),
        name="api-export",
    ),
    path("api/licensing/", include(router.urls)),
    path("licences/", views.licenses, name="licenses"),
    path("licences/cover/", views.cover_page, name="cover"),
    path("licences/quality/", views.quality_page, name="quality"),
    path("licences/sync/", sync_views.sync, name="sync"),
    path("licences/sync/start/", sync_views.start, name="sync-start"),
    path("licences/sync/cancel/", sync_views.cancel, name="sync-cancel"),
    path("licences/import/", sheet_views.upload, name="import-upload"),
    path("licences/import/<int:pk>/", sheet_views.preview, name="import"),
    path("licences/import/<int:pk>/confirm/", sheet_views.confirm, name="import-confirm"),
    path("licences/import/<str:kind>-template.xlsx", sheet_views.template, name="import-template"),
    path("licences/export/<str:kind>.xlsx", sheet_views.export, name="export"),
    path("licences/allotments/", allotment_views.allotments, name="allotments"),
    path("licences/allotments/new/", allotment_views.new_allotment, name="allotment-new"),
    path("licences/allotments/<int:pk>/", allotment_views.allotment, name="allotment"),
    path("licences/allotments/<int:pk>/book/", allotment_views.book, name="book"),
    path("licences/allotments/<int:pk>/release/", allotment_views.release, name="release"),
    path("licences/bills/", allotment_views.boes, name="boes"),
    path("licences/bills/new/", allotment_views.new_boe, name="boe-new"),
    path("licences/bills/<int:pk>/", allotment_views.boe, name="boe"),
    path("licences/papers/<int:pk>/", attachment_views.attachment, name="attachment"),
    path("licences/papers/<int:pk>/remove/", attachment_views.remove, name="attachment-remove"),
    path("licences/papers/<str:kind>/<int:pk>/", attachment_views.attach, name="attach"),
    path("licences/<int:pk>/", views.license_page, name="license"),
    path("licences/<int:pk>/ledger.pdf", views.ledger_pdf, name="ledger-pdf"),
]
