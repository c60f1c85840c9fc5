"""Retry, cancel or delete all jobs that match a filter: counted first, then done by a job with progress.

What is queued or ends after the question was answered is left alone. Each batch is one transaction; a run
that is lost or repeated goes on with what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max, QuerySet
from django_q.models import Task as FinishedTask

from ims.lib import audit
from scheduling import actions, clock, purge
from scheduling.exceptions import NotPossible, UnknownJob
from scheduling.jobs import Job
from scheduling.models import JobState, QueuedJob
from scheduling.search import FINISHED, UNFINISHED, BadFilter, JobFilter, history_rows, queue_rows

if TYPE_CHECKING:
    from scheduling.schedules import Who

BATCH = 200  # jobs a transaction
MOST_COUNTED = 100_000  # beyond it there are just more
STATES: dict[str, tuple[JobState, ...]] = {
    "retry": (JobState.FAILED, JobState.CANCELLED, JobState.RETRYING),
    "cancel": UNFINISHED,
    "delete": FINISHED,
}
CONSEQUENCES = {
    "retry": "Each gets one more attempt, under its own id.",
    "cancel": "What has not started never will; what runs is asked to stop, and what it has done stays done.",
    "delete": "They are forgotten for ever, with results, tracebacks and logs.",
}
Tell = Callable[[int, int], bool]  # how many of how many are done; answers whether to stop


@dataclass(frozen=True)
class Counted:
    count: int
    is_more: bool  # there are more than were counted

    @property
    def text(self) -> str:
        return f"more than {self.count:,}" if self.is_more else f"{self.count:,}"


def actions_for(state: str) -> list[str]:
    return [action for action, states in STATES.items() if state in states]


def count(action: str, wanted: JobFilter) -> Counted:
    """How many jobs it would be now. Raises BadFilter."""
    check(action, wanted)
    found = _rows(wanted)[: MOST_COUNTED + 1].count()
    return Counted(min(found, MOST_COUNTED), found > MOST_COUNTED)


def begin(action: str, wanted: JobFilter, *, user: Who = None) -> Job:
    """Queue the job that does it. Raises BadFilter."""
    from scheduling import tasks

    check(action, wanted)
    by = str(user) if user is not None else "the command line"
    last = QueuedJob.objects.aggregate(last=Max("id"))["last"] or 0
    with transaction.atomic():
        job = tasks.act_on_all.enqueue(action, asdict(wanted), by, clock.read().isoformat(), last)
        told = {name: value for name, value in asdict(wanted).items() if value}
        audit.record(f"job.{action}_all", f"job:{job.id}", user, after=told)
    return job


def run(action: str, wanted: JobFilter, by: str, until: datetime, last: int, tell: Tell) -> dict[str, int]:
    """Do it to what was there then: rows of the queue up to `last`, of the history up to `until`."""
    check(action, wanted)
    rows = _rows(wanted)
    is_history = rows.model is FinishedTask
    rows = rows.filter(stopped__lte=until) if is_history else rows.filter(pk__lte=last)
    total, done, skipped = rows.count(), 0, 0
    for keys in _batches(rows):
        acted = _act(action, keys, by, rows.model)
        done, skipped = done + acted, skipped + len(keys) - acted
        if tell(done + skipped, total):
            break
    return {"done": done, "skipped": skipped}


def check(action: str, wanted: JobFilter) -> None:
    if action not in STATES:
        raise BadFilter("action", f"give one of {', '.join(STATES)}.")
    if wanted.state not in STATES[action]:
        raise BadFilter("state", f"to {action} all, give one of {', '.join(map(str, STATES[action]))}.")


def _rows(wanted: JobFilter) -> QuerySet[Any]:
    if wanted.state in FINISHED:
        return history_rows(wanted, every=True)
    return queue_rows(wanted, every=True).exclude(func=_own_path())


def _own_path() -> str:
    """Such a job never acts on its like, itself among them."""
    from scheduling import tasks

    return tasks.act_on_all.path


def _batches(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """Keys in their order, each once, whatever becomes of their rows."""
    after: dict[str, Any] = {}
    while keys := list(rows.filter(**after).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield keys
        after = {"pk__gt": keys[-1]}


@transaction.atomic
def _act(action: str, keys: list[Any], by: str, model: Any) -> int:
    if action == "delete":
        return purge.forget(keys)
    if model is FinishedTask:
        return sum(_put_back(job_id) for job_id in keys)
    rows = list(QueuedJob.objects.select_for_update().filter(pk__in=keys))
    if action == "retry":
        waiting = QueuedJob.objects.filter(pk__in=keys, holder=None, state=JobState.RETRYING)
        return waiting.update(lock=clock.moment())
    held = [row for row in rows if row.holder]
    return purge.cancel([row for row in rows if not row.holder], by) + sum(
        Job(row.job_id).cancel(by) for row in held
    )


def _put_back(job_id: str) -> bool:
    try:
        with transaction.atomic():
            actions.put_back(job_id)
    except (NotPossible, UnknownJob):
        return False  # its task is gone, its unique twin waits, or somebody was faster
    return True
