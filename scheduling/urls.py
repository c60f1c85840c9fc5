"""Addresses of the engine."""

from django.urls import include, re_path

from scheduling import api, job_api, operation_api, queue_api

action = job_api.JobActionView.as_view

api_urls = [
    re_path(r"^schedules/?$", api.ScheduleListView.as_view(), name="schedule_list"),
    re_path(r"^schedules/(?P<name>\w+)/?$", api.ScheduleControlView.as_view(), name="schedule_control"),
    re_path(r"^jobs/?$", job_api.JobListView.as_view(), name="job_list"),
    re_path(r"^jobs/(?P<job_id>[\w-]{1,32})/?$", job_api.JobView.as_view(), name="job"),
    re_path(r"^jobs/(?P<job_id>[\w-]{1,32})/retry/?$", action(action="retry"), name="job_retry"),
    re_path(r"^jobs/(?P<job_id>[\w-]{1,32})/run-again/?$", action(action="run_again"), name="job_run_again"),
    re_path(r"^jobs/(?P<job_id>[\w-]{1,32})/cancel/?$", action(action="cancel"), name="job_cancel"),
    re_path(r"^failures/?$", job_api.FailureListView.as_view(), name="failure_list"),
    re_path(r"^failures/mute/?$", operation_api.MuteView.as_view(), name="failure_mute"),
    re_path(r"^bulk/?$", operation_api.BulkView.as_view(), name="job_bulk"),
    re_path(r"^figures/?$", operation_api.FiguresView.as_view(), name="figures"),
    re_path(r"^incidents/?$", operation_api.IncidentListView.as_view(), name="incident_list"),
    re_path(r"^tasks/?$", operation_api.TaskListView.as_view(), name="task_list"),
    re_path(
        r"^tasks/(?P<task>[\w.-]+)/enqueue/?$", operation_api.TaskEnqueueView.as_view(), name="task_enqueue"
    ),
    re_path(r"^quiet/?$", operation_api.QuietView.as_view(), name="quiet"),
    re_path(r"^wake/?$", operation_api.WakeView.as_view(), name="wake"),
    re_path(r"^queues/?$", queue_api.QueueListView.as_view(), name="queue_list"),
    re_path(r"^queues/(?P<name>\w+)/pause/?$", queue_api.QueuePauseView.as_view(), name="queue_pause"),
    re_path(r"^queues/(?P<name>\w+)/resume/?$", queue_api.QueueResumeView.as_view(), name="queue_resume"),
    re_path(r"^clusters/?$", queue_api.ClusterListView.as_view(), name="cluster_list"),
    re_path(r"^audit/?$", queue_api.AuditListView.as_view(), name="audit_list"),
]
urlpatterns = [re_path(r"^api/scheduling/", include(api_urls))]
