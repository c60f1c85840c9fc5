"""The engine's own tables, and the queue as a typed view of Django Q2's table."""

from datetime import datetime
from typing import Any, NamedTuple

from django.db import models
from django.utils import timezone

from scheduling.operation_models import (  # noqa: F401 - Django looks for models here
    FailureMute,
    HttpCount,
    Incident,
    QueueSample,
    RolledUp,
    Rollup,
    TableSize,
)
from scheduling.text import GIST_LENGTH, gist


class JobState(models.TextChoices):
    SCHEDULED = "scheduled"  # waits for its time
    WAITING = "waiting"
    RUNNING = "running"
    RETRYING = "retrying"  # failed, waits for the next attempt
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNREADABLE = "unreadable"  # its payload cannot be read with any known key; kept


class LogLine(NamedTuple):
    at: datetime
    level: str
    logger: str
    text: str


class QueuedJob(models.Model):
    """One job that has not finished: a row of Django Q2's OrmQ, with the columns the engine adds to it.

    `holder` and `attempts` are the fence: whoever starts, retries or acknowledges a job names both, and does
    nothing where the job has been given to somebody else since.
    """

    key = models.CharField(max_length=100)  # the queue
    payload = models.TextField()
    lock = models.DateTimeField(null=True)  # when it is due, and by which it stands in line
    holder = models.BigIntegerField(null=True)  # the Heartbeat of the cluster that has claimed it
    job_id = models.CharField(max_length=32, default="")
    func = models.CharField(max_length=256, default="")
    state = models.CharField(max_length=10, choices=JobState, default=JobState.WAITING)
    attempts = models.IntegerField(default=0)  # starts, counted when the job is claimed
    enqueued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    unique_key = models.CharField(max_length=64, null=True)
    has_slot = models.BooleanField(default=False)  # a start within the task's rate is reserved for it

    class Meta:
        managed = False  # the table is Django Q2's; our columns and indexes come by migration 0001
        db_table = '"django_q_ormq"'  # quoted: Django allows one model a table name, and OrmQ has it

    def __str__(self) -> str:
        return f"{self.func} {self.job_id}"


class Attempt(models.Model):
    """One failed attempt of a job, with its traceback."""

    job_id = models.CharField(max_length=32, db_index=True)
    number = models.PositiveIntegerField()
    func = models.CharField(max_length=256)
    started_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(default=timezone.now, db_index=True)
    error = models.TextField()
    gist = models.CharField(max_length=GIST_LENGTH, blank=True, editable=False)  # the error in one line
    retry_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it was the last attempt.")

    class Meta:
        ordering = ["job_id", "number"]
        constraints = [models.UniqueConstraint(fields=["job_id", "number"], name="one_row_per_attempt")]

    def __str__(self) -> str:
        return f"{self.func} {self.job_id} attempt {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Failures are listed and grouped by the gist, so that no list reads whole tracebacks."""
        self.gist = gist(self.error)
        super().save(*args, **kwargs)


class JobLog(models.Model):
    """The last lines that one attempt of a job logged. Written only where a task logs."""

    job_id = models.CharField(max_length=32)
    attempt = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField(default=0, help_text="Earlier lines that are only in the log.")
    lines = models.JSONField(help_text="[when, level, logger, text] each.")
    written_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["job_id", "attempt"]
        constraints = [models.UniqueConstraint(fields=["job_id", "attempt"], name="one_log_per_attempt")]

    def __str__(self) -> str:
        return f"{self.job_id} attempt {self.attempt}"

    def entries(self) -> list[LogLine]:
        return [
            LogLine(datetime.fromisoformat(at), level, name, text) for at, level, name, text in self.lines
        ]


class Progress(models.Model):
    """How far a job says it is. Written only by tasks that call progress()."""

    job_id = models.CharField(max_length=32, primary_key=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    stage = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name_plural = "progress"

    def __str__(self) -> str:
        return f"{self.job_id} {self.percent}%"

    @property
    def percent(self) -> int | None:
        """Whole percent, 0 to 100; None while the total is unknown."""
        return min(100, self.done * 100 // self.total) if self.total > 0 else None


class Cancellation(models.Model):
    """Somebody asked for a job to be cancelled; honoured_at tells when it was."""

    job_id = models.CharField(max_length=32, primary_key=True)
    requested_at = models.DateTimeField(default=timezone.now, db_index=True)
    requested_by = models.CharField(max_length=150, blank=True)
    honoured_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.job_id


class CallOptions(models.Model):
    """What one call asked for that its task does not declare, so that a retry from the history asks for it
    again. Written only where there is something."""

    job_id = models.CharField(max_length=32, primary_key=True)
    queue = models.CharField(max_length=100, blank=True, help_text="Empty: as declared.")
    timeout = models.PositiveIntegerField(null=True, help_text="Seconds. Empty: as declared.")
    keeps = models.BooleanField(null=True, help_text="Whether a success is kept. Empty: as declared.")
    written_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name_plural = "call options"

    def __str__(self) -> str:
        return self.job_id


class ScheduleOverride(models.Model):
    """A declared schedule and what an operator changed of it; the Schedule row follows from both.

    Rows of Django Q2's Schedule that no override points at were made by hand and are left alone.
    """

    name = models.CharField(max_length=100, unique=True)
    stopped = models.BooleanField(default=False)
    interval_minutes = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Empty: as declared."
    )
    schedule_id = models.IntegerField(null=True, editable=False)
    release = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Of the code that declared it."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Heartbeat(models.Model):
    """A process that may hold jobs, and its lease: a cluster, or one that runs jobs inline (no workers).

    A clean stop removes the row. After the end of the lease another cluster removes it and takes the jobs
    over. Times of leases are the database's, so that the clocks of machines need not agree.
    """

    id = models.BigAutoField(primary_key=True)
    cluster_id = models.UUIDField(db_index=True)
    host = models.CharField(max_length=255, blank=True)
    place = models.CharField(
        max_length=100, blank=True
    )  # boot and process namespace, where pids can be compared
    pid = models.IntegerField(default=0)
    process_start = models.CharField(max_length=30, blank=True)  # with the pid it names one process for ever
    queues = models.JSONField(default=list)
    workers = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(db_index=True)
    lease_until = models.DateTimeField()
    status = models.CharField(max_length=20, blank=True)
    running = models.JSONField(default=list)  # what each busy worker runs: Crew.running()
    stat = models.TextField(blank=True, help_text="Django Q2's signed Stat, for qinfo and qmonitor.")

    def __str__(self) -> str:
        return f"{self.host} {self.pid}"


class PausedQueue(models.Model):
    """No job of this queue is started until somebody resumes it; running ones go on."""

    name = models.CharField(max_length=100, primary_key=True)
    paused_at = models.DateTimeField(default=timezone.now)
    paused_by = models.CharField(max_length=150, blank=True)
    is_quiet = models.BooleanField(default=False, help_text="Paused with all others, for a deploy.")

    def __str__(self) -> str:
        return self.name


class ThrottleSlot(models.Model):
    """The next free start of a rate limit that all processes share."""

    name = models.CharField(max_length=100, primary_key=True)
    next_at = models.FloatField(help_text="Seconds since 1970.")

    def __str__(self) -> str:
        return self.name
