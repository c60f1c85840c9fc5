"""For the tests of apps: run jobs inline, drain the queue, look at what was enqueued."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django_q.conf import Conf

from scheduling.declaration import DeclaredTask
from scheduling.inline import drain
from scheduling.models import QueuedJob
from scheduling.packages import loads

__all__ = ["assert_enqueued", "drain", "enqueued", "run_inline"]


@contextmanager
def run_inline() -> Iterator[None]:
    """Inside, every job runs where it is enqueued, as with TASKS_SYNC=1."""
    before, Conf.SYNC = Conf.SYNC, True
    try:
        yield
    finally:
        Conf.SYNC = before


def enqueued(task: DeclaredTask[Any, Any]) -> list[dict[str, Any]]:
    """The arguments, by name, of the unfinished jobs of a task, oldest first."""
    rows = QueuedJob.objects.filter(func=task.path).order_by("id")
    packages = [loads(row.payload) for row in rows]
    return [dict(task.signature.bind(*each["args"], **each["kwargs"]).arguments) for each in packages]


def assert_enqueued(task: DeclaredTask[Any, Any], **kwargs: Any) -> None:
    """Fail unless a job of this task with at least these arguments waits."""
    calls = enqueued(task)
    assert any(kwargs.items() <= call.items() for call in calls), f"{task.name} {kwargs} is not among {calls}"
