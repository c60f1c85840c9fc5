"""The console's pages, /readyz and /metrics."""

from django.urls import include, path

from ims.console import (
    bulk_views,
    figure_views,
    health_views,
    job_views,
    metrics_views,
    overview_views,
    schedule_views,
    task_views,
)

app_name = "console"

pages = [
    path("", overview_views.overview, name="overview"),
    path("queues/<str:name>/pause/", overview_views.pause, name="pause"),
    path("queues/<str:name>/resume/", overview_views.resume, name="resume"),
    path("quiet/", overview_views.quiet, name="quiet"),
    path("wake/", overview_views.wake, name="wake"),
    path("charts/", figure_views.charts, name="charts"),
    path("alerts/", overview_views.alerts, name="alerts"),
    path("bulk/", bulk_views.bulk_action, name="bulk"),
    path("tasks/", task_views.tasks, name="tasks"),
    path("tasks/<str:task>/", task_views.task, name="task"),
    path("failures/mute/", job_views.mute, name="mute"),
    path("failures/unmute/", job_views.unmute, name="unmute"),
    path("jobs/", job_views.jobs, name="jobs"),
    path("jobs/<str:job_id>/", job_views.job, name="job"),
    path("jobs/<str:job_id>/retry/", job_views.retry, name="retry"),
    path("jobs/<str:job_id>/run-again/", job_views.run_again, name="run-again"),
    path("jobs/<str:job_id>/cancel/", job_views.cancel, name="cancel"),
    path("failures/", job_views.failure_groups, name="failures"),
    path("schedules/", schedule_views.schedule_list, name="schedules"),
    path("schedules/<str:key>/", schedule_views.schedule, name="schedule"),
    path("schedules/<str:key>/start/", schedule_views.start, name="schedule-start"),
    path("schedules/<str:key>/stop/", schedule_views.stop, name="schedule-stop"),
    path("schedules/<str:key>/run/", schedule_views.run, name="schedule-run"),
    path("audit/", overview_views.audit_log, name="audit"),
]
urlpatterns = [
    path("console/", include(pages)),
    path("readyz", health_views.readyz, name="readyz"),
    path("metrics", metrics_views.show, name="metrics"),
]
