"""What the shipped tests call, declared: nothing else may run here."""

import inspect

from django_q.tests import tasks

from scheduling import Retry, hook, task

ONCE = Retry(attempts=1)  # Django Q2 counts no attempts of its own accord
BY_PATH = (
    "math.copysign",
    "math.floor",
    "time.sleep",
    "django_q.tests.test_cached._sleeping_func",
    # Nothing is found at these: declared once, and gone from the code when the job runs.
    "django_q.tests.tasks.does_not_exist",
    "math.popysign",
    "test.fail",
    "test.success",
    "test.word",
)
HOOKS = (
    "django_q.tests.tasks.result",
    "django_q.tests.test_cluster.assert_bad_result",
    "django_q.tests.test_cluster.assert_result",
    "djq.tests.tasks.hello",  # nothing is found here
    "fail.me",  # nor here
)


def declare():
    """To be called before the shipped tests are imported."""
    for name, function in inspect.getmembers(tasks, inspect.isfunction):
        if function.__module__ == tasks.__name__:
            setattr(tasks, name, task(retries=ONCE)(function))
    for path in BY_PATH:
        task(retries=ONCE, name=path)(_named(path))
    for path in HOOKS:
        hook(_named(path))


def _named(path):
    """Something to declare under a path. The worker calls what it finds there, not this."""

    def function(*args, **kwargs):
        raise NotImplementedError

    function.__module__, _, function.__qualname__ = path.rpartition(".")
    return function
