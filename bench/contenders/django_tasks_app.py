"""The same work as Django tasks, which are looked up by the place where they stand."""

from django_tasks import task

from bench import work


@task()
def nothing() -> int:
    return work.nothing()


@task()
def report(port: int) -> None:
    work.report(port)
