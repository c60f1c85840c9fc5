"""The same work as tasks of this project; declared only under bench/contenders/ims_settings.py."""

from django.db import connection

from bench import work
from scheduling import HIGH, LOW, task


@task()
def nothing():
    return work.nothing()


@task()
def report(port):
    return work.report(port)


@task(queue=HIGH)
def report_urgently(port):
    return work.report(port)


@task(queue=LOW)
def nothing_low():
    return work.nothing()


@task()
def wait():
    """As one that reads a row and asks a vendor."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return work.wait()
