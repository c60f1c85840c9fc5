"""Every address of this system: pages under /cross-dock/, JSON under /api/cross-dock/, results in /media/."""

from django.conf import settings
from django.urls import include, path, re_path

from crossdock import api, look_up_views, offer_api, offer_views, views
from crossdock.files import EXPORTS
from ims.lib.routers import Router

app_name = "cross_dock"

router = Router()
router.register("tasks", api.TaskViewSet, basename="api-task")
router.register(rf"tasks/(?P<task_id>{api.UUID_REGEX})/comments", api.CommentViewSet, basename="api-comment")
router.register("offer-imports", offer_api.OfferImportViewSet, basename="api-offer-import")

api_urls = [
    re_path(r"^look-up/?$", api.LookUpView.as_view(), name="api-look-up"),
    re_path(r"^groups/?$", api.GroupsView.as_view(), name="api-groups"),
    *router.urls,
]

urlpatterns = [
    path("api/cross-dock/", include(api_urls)),
    path("cross-dock/", views.process_file, name="process_file"),
    path("cross-dock/preview/", views.preview, name="preview"),
    path("cross-dock/template.xlsx", views.template, name="template"),
    path("cross-dock/look-up/", look_up_views.look_up, name="look_up"),
    path("cross-dock/offers/", offer_views.upload, name="offers"),
    path("cross-dock/offers/import/<int:pk>/", offer_views.offer_import, name="offer_import"),
    path("cross-dock/tasks/", views.task_list, name="task_list"),
    path("cross-dock/tasks/<uuid:task_id>/", views.task_detail, name="task_detail"),
    path("cross-dock/tasks/<uuid:task_id>/comments/", views.comment, name="comment"),
    path("cross-dock/tasks/<uuid:task_id>/comments/<int:pk>/", views.change_comment, name="change_comment"),
    path("cross-dock/tasks/<uuid:task_id>/<str:action>/", views.act, name="act"),
    path(
        f"{settings.MEDIA_URL.lstrip('/')}{EXPORTS}/cross_dock_<uuid:task_id>.xlsx",
        views.download,
        name="download",
    ),
]
