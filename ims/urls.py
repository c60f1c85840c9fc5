"""Every address of IMS: each app lists its own, whole, in its urls.py."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("ims.accounts.urls")),  # sign-in, password reset, /api/auth/
    path("", include("ims.web.urls")),  # home, health, OpenAPI
    path("", include("ims.notices.urls")),  # /notices/, /api/notices/
    path("", include("scheduling.urls")),  # /api/scheduling/
    path("", include("ims.console.urls")),  # /console/, /readyz
    path("", include("masterdata.urls")),  # /shipments/, /api/masterdata/
    path("", include("logistics.urls")),  # /dispatch/, /drive/, /trips/, /share/, /api/driver…, /api/eic/
    path("", include("crossdock.urls")),  # /cross-dock/, /api/cross-dock/, /media/exports/
    path("", include("licensing.urls")),  # /licences/, /api/licensing/
    path("admin/", admin.site.urls),
]

admin.site.site_header = admin.site.site_title = "IMS administration"

handler500 = "ims.web.errors.server_error"
