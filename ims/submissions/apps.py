from django.apps import AppConfig


class SubmissionsConfig(AppConfig):
    name = "ims.submissions"
    label = "ims_submissions"
    verbose_name = "Submissions"
