"""Everything that is known of one job: arguments, attempts, progress, times, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pprint import pformat
from typing import Any, NamedTuple

from django_q.models import Task as FinishedTask

from scheduling import declaration, packages, unknown_tasks
from scheduling.exceptions import Undeclared, UnknownJob
from scheduling.jobs import UNKNOWN, Job
from scheduling.masking import masked
from scheduling.models import Attempt, CallOptions, Cancellation, JobLog, JobState, Progress, QueuedJob
from scheduling.overview import holder_states, queue_of, unheard
from scheduling.text import gist

LONGEST = 20_000  # characters of a result that are shown


class Try(NamedTuple):
    """What is known of one attempt: how it failed, what it logged."""

    number: int
    failure: Attempt | None
    log: JobLog | None


@dataclass(frozen=True)
class JobDetails:
    id: str
    task: str
    func: str
    queue: str
    state: str
    arguments: dict[str, str]  # by name, sensitive ones masked
    attempts: list[Attempt]  # the failed ones
    logs: list[JobLog]  # of the attempts that logged something and ended
    started: int  # attempts so far
    attempts_allowed: int | None  # None: the task is no longer declared
    group: str  # the schedule that queued it, or the caller's word
    due_at: datetime | None = None
    enqueued_at: datetime | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    result: str = ""
    error: str = ""
    progress: Progress | None = None
    cancellation: Cancellation | None = None
    cluster_state: str = ""  # silent or dead: of the one that holds it, so nobody knows whether it runs
    chain: tuple[str, ...] = ()  # the tasks that follow when it has ended; known until then

    @property
    def seconds(self) -> float | None:
        return (
            (self.stopped_at - self.started_at).total_seconds()
            if self.stopped_at and self.started_at
            else None
        )

    @property
    def tries(self) -> list[Try]:
        """The attempts of which there is something to tell, the last one first."""
        failures = {each.number: each for each in self.attempts}
        logs = {each.attempt: each for each in self.logs}
        numbers = sorted({*failures, *logs}, reverse=True)
        return [Try(number, failures.get(number), logs.get(number)) for number in numbers]

    @property
    def schedule(self) -> str:
        """The public name of the schedule that queued it."""
        return self.group if self.group in declaration.scheduled() else ""

    @property
    def headline(self) -> str:
        """What went wrong, in one line."""
        return gist(self.error)

    @property
    def is_unfinished(self) -> bool:
        return self.stopped_at is None

    @property
    def may_be_of_chain(self) -> bool:
        """The history does not say which groups are chains; what it says is whether a schedule queued it."""
        return bool(self.chain or (self.group and not self.schedule))

    @property
    def may_cancel(self) -> bool:
        return self.is_unfinished and not (self.cancellation and self.state == JobState.RUNNING)

    @property
    def may_retry(self) -> bool:
        return self.state in {JobState.FAILED, JobState.CANCELLED, JobState.RETRYING, JobState.UNREADABLE}

    @property
    def may_run_again(self) -> bool:
        return self.attempts_allowed is not None and self.state != JobState.UNREADABLE


def of(job_id: str) -> JobDetails:
    """Raises UnknownJob."""
    state = Job(job_id).state
    queued = QueuedJob.objects.filter(job_id=job_id).first()
    ended = None if queued else FinishedTask.objects.filter(id=job_id).first()
    if state == UNKNOWN or (queued is None and ended is None):
        raise UnknownJob(f"There is no job {job_id!r}: never queued, pruned, or its task keeps no results.")
    shared = {
        "id": job_id,
        "state": state,
        "attempts": list(Attempt.objects.filter(job_id=job_id)),
        "logs": list(JobLog.objects.filter(job_id=job_id)),
        "progress": Progress.objects.filter(pk=job_id).first(),
        "cancellation": Cancellation.objects.filter(pk=job_id).first(),
    }
    return _of_queued(queued, shared) if queued else _of_finished(ended, shared)


def _of_queued(row: QueuedJob, shared: dict[str, Any]) -> JobDetails:
    package, error = {}, unknown_tasks.story(row)
    try:
        package = packages.loads(row.payload)
    except packages.Unreadable as unreadable:
        error = str(unreadable)
    return JobDetails(
        **shared,
        **_task(row.func),
        queue=row.key,
        arguments=dict(_arguments(row.func, package.get("args"), package.get("kwargs"))),
        started=row.attempts,
        group=package.get("group") or "",
        due_at=row.lock,
        enqueued_at=row.enqueued_at,
        started_at=row.started_at if row.holder else None,
        error=error,
        cluster_state=unheard(holder_states([row.holder] if row.holder else []), row.holder),
        chain=tuple(_steps(package.get("chain"))),
    )


def _of_finished(row: Any, shared: dict[str, Any]) -> JobDetails:
    own_queue = CallOptions.objects.filter(pk=row.id).values_list("queue", flat=True).first()
    return JobDetails(
        **shared,
        **_task(row.func),
        queue=own_queue or queue_of(row.func),
        arguments=dict(_arguments(row.func, row.args, row.kwargs)),
        started=row.attempt_count,
        group=row.group or "",
        started_at=row.started,
        stopped_at=row.stopped,
        result=_readable(row.result) if row.success else "",
        error="" if row.success else str(row.result),
    )


def _steps(chain: Any) -> Iterator[str]:
    for step in chain or ():
        yield declaration.name_of(packages.path_of(step[0] if isinstance(step, tuple) else step))


def _task(func: str) -> dict[str, Any]:
    try:
        declared = declaration.find(func)
    except Undeclared:
        return {"task": func, "func": func, "attempts_allowed": None}
    return {"task": declared.name, "func": func, "attempts_allowed": declared.retries.attempts}


def _arguments(func: str, args: Any, kwargs: Any) -> Iterator[tuple[str, str]]:
    positional, named = masked(func, args, kwargs)
    try:
        names = list(declaration.find(func).signature.parameters)
    except Undeclared:
        names = []
    for position, value in enumerate(positional):
        name = names[position] if position < len(names) else f"argument {position + 1}"
        yield name, _readable(value)
    for name, value in named.items():
        yield name, _readable(value)


def _readable(value: object) -> str:
    if value is None:
        return "None"
    return (value if isinstance(value, str) else pformat(value, width=100))[:LONGEST]
