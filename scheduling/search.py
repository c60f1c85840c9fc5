"""Lists of jobs by state, task, queue and text, a page at a time.

Unfinished jobs come first, then finished ones, newest first. A page begins where the last one ended (keyset
paging): nothing is counted, so that a page costs the same in a history of a hundred or of a million. No
payload, result or traceback is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django_q.models import Task as FinishedTask

from ims.lib.ids import read_id
from scheduling import declaration
from scheduling.claims import NOBODY, UNCLAIMED
from scheduling.declaration import QUEUES
from scheduling.models import Attempt, Cancellation, JobState, Progress, QueuedJob
from scheduling.overview import holder_states, queue_of, unheard

PAGE = 50
MAX_PAGE = 200
TEXT_FIELDS = "task name, job id (or its beginning), and the error's line of failed attempts"
MANY_ERRORS = 1000  # jobs whose errors hold a text; the newest of them are looked through
UNFINISHED = (JobState.SCHEDULED, JobState.WAITING, JobState.RUNNING, JobState.RETRYING, JobState.UNREADABLE)
FINISHED = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
STATES: tuple[str, ...] = tuple(str(state) for state in (*UNFINISHED, *FINISHED))


class BadFilter(ValueError):
    """A part of the filter cannot be; `field` says which."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


@dataclass(frozen=True)
class JobFilter:
    """What is looked for; an empty part asks for nothing. Raises BadFilter."""

    state: str = ""
    task: str = ""  # public name or dotted path
    queue: str = ""
    q: str = ""

    def __post_init__(self) -> None:
        if self.state and self.state not in STATES:
            raise BadFilter("state", f"give one of {', '.join(STATES)}.")
        if self.queue and self.queue not in QUEUES:
            raise BadFilter("queue", f"give one of {', '.join(QUEUES)}.")

    @property
    def path(self) -> str:
        """The dotted path of the task asked for."""
        return next((each.path for each in declaration.tasks() if each.name == self.task), self.task)

    def covers(self, states: tuple[JobState, ...]) -> bool:
        return not self.state or self.state in states


@dataclass(frozen=True)
class JobRow:
    """One line of a list."""

    id: str
    task: str
    queue: str
    state: str
    attempts: int
    at: datetime | None  # when it is due, started or ended, by its state
    enqueued_at: datetime | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    error: str = ""
    percent: int | None = None
    stage: str = ""
    cluster_state: str = ""  # silent or dead: of the one that holds it, so nobody knows whether it runs

    @property
    def seconds(self) -> float | None:
        return (
            (self.stopped_at - self.started_at).total_seconds()
            if self.stopped_at and self.started_at
            else None
        )


@dataclass(frozen=True)
class JobPage:
    rows: list[JobRow]
    older: str  # cursor of the next page; empty: this is the last


def find(wanted: JobFilter, cursor: str = "", limit: int = PAGE) -> JobPage:
    """One page. Raises BadFilter for a cursor that no page gave."""
    place = _Place.read(cursor)
    queued = (
        _queued(wanted, place, limit + 1) if wanted.covers(UNFINISHED) and not place.is_in_history else []
    )
    room = limit + 1 - len(queued)
    ended = _finished(wanted, place, room) if wanted.covers(FINISHED) and room > 0 else []
    found = [*queued, *ended]
    older = _Place.of(found[limit - 1]).write() if len(found) > limit else ""
    queued, ended = queued[:limit], ended[: limit - len(queued[:limit])]
    return JobPage(_rows(queued, ended), older)


def by_ids(ids: list[str]) -> dict[str, JobRow]:
    """These jobs, as far as they are known, in a constant number of statements."""
    queued = list(QueuedJob.objects.defer("payload").filter(job_id__in=ids))
    ended = list(FinishedTask.objects.defer("args", "kwargs", "result").filter(id__in=ids))
    return {row.id: row for row in reversed(_rows(queued, ended))}


@dataclass(frozen=True)
class _Place:
    """Where a page ended: at a row of the queue by its number, or at one of the history by time and id."""

    pk: int | None = None
    stopped: datetime | None = None
    id: str = ""

    @property
    def is_in_history(self) -> bool:
        return self.stopped is not None

    @classmethod
    def of(cls, row: Any) -> _Place:
        return cls(pk=row.pk) if isinstance(row, QueuedJob) else cls(stopped=row.stopped, id=row.id)

    def write(self) -> str:
        return f"h~{self.stopped.isoformat()}~{self.id}" if self.stopped else f"q~{self.pk}"

    @classmethod
    def read(cls, cursor: str) -> _Place:
        kind, _, rest = cursor.replace(" ", "+").partition("~")
        try:
            if not cursor:
                return cls()
            if kind == "q" and (pk := read_id(rest)) is not None:
                return cls(pk=pk)
            when, _, job_id = rest.partition("~")
            stopped = datetime.fromisoformat(when)
            if kind == "h" and stopped.tzinfo and "\x00" not in job_id:
                return cls(stopped=stopped, id=job_id)
        except (ValueError, OverflowError):
            pass
        raise BadFilter("cursor", "take it from the last page's address, or leave it out.")


def _queued(wanted: JobFilter, place: _Place, limit: int) -> list[QueuedJob]:
    rows = queue_rows(wanted).defer("payload").order_by("-id")
    if place.pk is not None:
        rows = rows.filter(id__lt=place.pk)
    return list(rows[:limit])


def queue_rows(wanted: JobFilter, *, every: bool = False) -> QuerySet[QueuedJob]:
    """Unfinished jobs. `every`: a text is looked for in the errors of all jobs, not of the newest alone."""
    rows = QueuedJob.objects.all()
    if wanted.state:
        rows = rows.filter(_in_state(wanted.state))
    if wanted.queue:
        rows = rows.filter(key=wanted.queue)
    if wanted.task:
        rows = rows.filter(func=wanted.path)
    if wanted.q:
        rows = rows.filter(_text(wanted.q, "job_id", every))
    return rows


def _in_state(state: str) -> Q:
    """By holder where one is, because there is an index of what is held."""
    now = timezone.now()
    match state:
        case JobState.RUNNING:
            return Q(holder__gt=NOBODY)
        case JobState.WAITING:
            due = Q(state=JobState.SCHEDULED, lock__lte=now)
            return UNCLAIMED & (Q(state=JobState.WAITING) | due)
        case JobState.SCHEDULED:
            return Q(state=JobState.SCHEDULED, lock__gt=now)
    return Q(state=state)


def _finished(wanted: JobFilter, place: _Place, limit: int) -> list[FinishedTask]:
    rows = history_rows(wanted).defer("args", "kwargs", "result").order_by("-stopped", "-id")
    if place.stopped:
        rows = rows.filter(stopped__lte=place.stopped).exclude(stopped=place.stopped, id__gte=place.id)
    return list(rows[:limit])


def history_rows(wanted: JobFilter, *, every: bool = False) -> QuerySet[FinishedTask]:
    """Finished jobs."""
    rows: QuerySet[FinishedTask] = FinishedTask.objects.order_by()
    cancelled = Cancellation.objects.filter(honoured_at__isnull=False).values("job_id")
    match wanted.state:
        case JobState.SUCCEEDED:
            rows = rows.filter(success=True).exclude(id__in=cancelled)
        case JobState.FAILED:
            rows = rows.filter(success=False).exclude(id__in=cancelled)
        case JobState.CANCELLED:
            rows = rows.filter(id__in=cancelled)
    if wanted.queue:
        rows = rows.filter(func__in=[task.path for task in declaration.tasks() if task.queue == wanted.queue])
    if wanted.task:
        rows = rows.filter(func=wanted.path)
    if wanted.q:
        rows = rows.filter(_text(wanted.q, "id", every))
    return rows


def _text(text: str, id_field: str, every: bool) -> Q:
    text = text.replace("\x00", "").strip()
    named = [task.path for task in declaration.tasks() if text.lower() in task.name.lower()]
    failed = Attempt.objects.filter(gist__icontains=text).order_by("-id").values_list("job_id", flat=True)
    by_error = failed.order_by() if every else list(dict.fromkeys(failed[:MANY_ERRORS]))
    by_id = Q(**{f"{id_field}__gte": text, f"{id_field}__startswith": text}) if text.isalnum() else Q()
    return by_id | Q(func__in=named) | Q(**{f"{id_field}__in": by_error})


def _rows(queued: list[QueuedJob], ended: list[FinishedTask]) -> list[JobRow]:
    ids = [row.job_id for row in queued] + [row.id for row in ended]
    errors = dict(Attempt.objects.filter(job_id__in=ids).order_by("number").values_list("job_id", "gist"))
    progress = Progress.objects.in_bulk([row.job_id for row in queued])
    cancelled = set(
        Cancellation.objects.filter(job_id__in=ids, honoured_at__isnull=False).values_list(
            "job_id", flat=True
        )
    )
    states = holder_states(row.holder for row in queued if row.holder)
    return [_queued_row(row, errors, progress, states) for row in queued] + [
        _finished_row(row, errors, cancelled) for row in ended
    ]


def _queued_row(
    row: QueuedJob, errors: dict[str, str], progress: dict[str, Progress], states: dict[int, str]
) -> JobRow:
    due = row.lock is None or row.lock <= timezone.now()
    state = JobState.WAITING if row.state == JobState.SCHEDULED and due else row.state
    told = progress.get(row.job_id)
    return JobRow(
        id=row.job_id,
        task=declaration.name_of(row.func),
        queue=row.key,
        state=str(state),
        attempts=row.attempts,
        at=row.started_at if row.holder else row.lock,
        enqueued_at=row.enqueued_at,
        started_at=row.started_at if row.holder else None,
        error=errors.get(row.job_id, ""),
        percent=told.percent if told else None,
        stage=told.stage if told else "",
        cluster_state=unheard(states, row.holder),
    )


def _finished_row(row: FinishedTask, errors: dict[str, str], cancelled: set[str]) -> JobRow:
    state = JobState.SUCCEEDED if row.success else JobState.FAILED
    return JobRow(
        id=row.id,
        task=declaration.name_of(row.func),
        queue=queue_of(row.func),
        state=str(JobState.CANCELLED if row.id in cancelled else state),
        attempts=row.attempt_count,
        at=row.stopped,
        started_at=row.started,
        stopped_at=row.stopped,
        error="" if row.success else errors.get(row.id, ""),
    )
