from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class SchedulingConfig(AppConfig):
    name = "scheduling"
    verbose_name = "Scheduling"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_q.signals import post_execute_in_worker, pre_enqueue, pre_execute

        from scheduling import checks, execution, packages  # noqa: F401 - checks register themselves

        autodiscover_modules("tasks")  # every app's declarations; no database, no process
        pre_enqueue.connect(packages.check_before_enqueue, dispatch_uid="scheduling.packages")
        pre_execute.connect(execution.remember, dispatch_uid="scheduling.execution")
        post_execute_in_worker.connect(execution.forget, dispatch_uid="scheduling.execution")
