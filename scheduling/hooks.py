"""Django Q2's hooks: a declared function that gets the finished Task. Each call is a job of its own."""

from django.utils.module_loading import import_string
from django_q.models import Task as FinishedTask

from scheduling import declaration


def call(job_id: str, path: str) -> None:
    """Call the hook with the finished job; with nothing where its history is gone already."""
    declaration.check_hook(path)
    finished = FinishedTask.objects.filter(id=job_id).first()
    if finished:
        import_string(path)(finished)
