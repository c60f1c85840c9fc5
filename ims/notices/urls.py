"""The bell and one's own notices: /notices/, /api/notices/."""

from django.urls import path, re_path

from ims.notices import api, views

app_name = "notices"

urlpatterns = [
    path("notices/", views.notices, name="notices"),
    path("notices/bell/", views.bell, name="bell"),
    path("notices/read/", views.read_all, name="read-all"),
    path("notices/kinds/<str:kind>/", views.change_mute, name="mute"),
    path("notices/<int:pk>/", views.open_notice, name="open"),
    path("notices/<int:pk>/read/", views.read_one, name="read"),
    re_path(r"^api/notices/?$", api.NoticesView.as_view(), name="api"),
    re_path(r"^api/notices/read/?$", api.ReadNoticesView.as_view(), name="api-read"),
]
