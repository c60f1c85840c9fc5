"""Addresses of the engine."""

from django.urls import re_path

from scheduling import api

urlpatterns = [
    re_path(r"^api/scheduling/schedules/?$", api.ScheduleListView.as_view(), name="schedule_list"),
    re_path(
        r"^api/scheduling/schedules/(?P<name>\w+)/?$",
        api.ScheduleControlView.as_view(),
        name="schedule_control",
    ),
    re_path(r"^api/scheduling/jobs/(?P<job_id>\w{1,32})/?$", api.JobView.as_view(), name="job"),
    re_path(r"^api/scheduling/queues/?$", api.QueueListView.as_view(), name="queue_list"),
]
