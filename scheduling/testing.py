"""For the tests of apps: run jobs inline, drain the queue, look at what was enqueued."""

from __future__ import annotations

from typing import Any

from scheduling.declaration import DeclaredTask
from scheduling.inline import drain, run_inline
from scheduling.models import QueuedJob
from scheduling.packages import loads

__all__ = ["assert_enqueued", "drain", "enqueued", "run_inline"]


def enqueued(task: DeclaredTask[Any, Any]) -> list[dict[str, Any]]:
    """The arguments, by name, of the unfinished jobs of a task, oldest first."""
    rows = QueuedJob.objects.filter(func=task.path).order_by("id")
    packages = [loads(row.payload) for row in rows]
    return [dict(task.signature.bind(*each["args"], **each["kwargs"]).arguments) for each in packages]


def assert_enqueued(task: DeclaredTask[Any, Any], **kwargs: Any) -> None:
    """Fail unless a job of this task with at least these arguments waits."""
    calls = enqueued(task)
    assert any(kwargs.items() <= call.items() for call in calls), f"{task.name} {kwargs} is not among {calls}"
