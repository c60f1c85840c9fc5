"""Background work of IMS: declare tasks, enqueue jobs, run them on Django Q2 with the database as broker.

from scheduling import task, hook, Retry, HIGH, NORMAL, LOW, progress, cancelled
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scheduling.declaration import HIGH, LOW, NORMAL, hook, task
    from scheduling.exceptions import SoftTimeout, Throttled, Undeclared
    from scheduling.execution import cancelled, progress
    from scheduling.jobs import Job, job, queue_length
    from scheduling.retry import Retry
    from scheduling.throttle import Throttle

# Imported on first use, because a package named in INSTALLED_APPS may not import models.
_HOMES = {
    "declaration": ("HIGH", "LOW", "NORMAL", "hook", "task"),
    "exceptions": ("SoftTimeout", "Throttled", "Undeclared"),
    "execution": ("cancelled", "progress"),
    "jobs": ("Job", "job", "queue_length"),
    "retry": ("Retry",),
    "throttle": ("Throttle",),
}

__all__ = [
    "HIGH",
    "LOW",
    "NORMAL",
    "Job",
    "Retry",
    "SoftTimeout",
    "Throttle",
    "Throttled",
    "Undeclared",
    "cancelled",
    "hook",
    "job",
    "progress",
    "queue_length",
    "task",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"scheduling.{module}"), name)
    raise AttributeError(f"module 'scheduling' has no attribute {name!r}")
