"""Home, health, OpenAPI; with DEBUG also the sheet of components."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView

from ims.web import views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("favicon.ico", views.favicon, name="favicon"),  # for pages that name no icon, as the admin's
    path("api/schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path("api/docs/", login_required(views.ApiDocsView.as_view(url_name="schema")), name="api_docs"),
]
if settings.DEBUG:
    urlpatterns.append(path("components/", views.components, name="components"))
