"""What operations keep: figures that outlive the history, incidents, mutes."""

from django.db import models
from django.utils import timezone

from scheduling.text import GIST_LENGTH


class Grain(models.TextChoices):
    MINUTE = "minute"
    HOUR = "hour"
    EVER = "ever"  # one row for all time: what counters of monitors are made of


class Measure(models.TextChoices):
    RUN = "run"  # from the start of the last attempt to its end
    WAIT = "wait"  # from when a job was due to that start


class Rollup(models.Model):
    """How many jobs of a task ended so in a minute, an hour or ever, with this length of time.

    `bucket` is the place of the length in histogram.BOUNDS. Rows add up over any span.
    """

    grain = models.CharField(max_length=6, choices=Grain)
    start = models.DateTimeField()
    func = models.CharField(max_length=256)
    outcome = models.CharField(max_length=10, help_text="succeeded, failed, cancelled; retried: an attempt")
    measure = models.CharField(max_length=4, choices=Measure)
    bucket = models.PositiveSmallIntegerField()
    count = models.BigIntegerField()
    seconds = models.FloatField(help_text="The sum of these lengths.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["grain", "start", "func", "outcome", "measure", "bucket"], name="one_rollup"
            )
        ]

    def __str__(self) -> str:
        return f"{self.func} {self.outcome} {self.grain} {self.start}: {self.count}"


class RolledUp(models.Model):
    """One row: all that ended until then is in the rollups, nothing after it is."""

    until = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.until)


class QueueSample(models.Model):
    """How long a queue was at one moment of a minute; of old hours only the worst sample is kept."""

    at = models.DateTimeField()
    queue = models.CharField(max_length=100)
    waiting = models.IntegerField()
    running = models.IntegerField()
    oldest_seconds = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["at", "queue"], name="one_sample_a_minute")]

    def __str__(self) -> str:
        return f"{self.queue} {self.at}: {self.waiting}"


class TableSize(models.Model):
    """How large a table was in an hour, with its indexes; the rows are PostgreSQL's own estimate."""

    at = models.DateTimeField()
    name = models.CharField(max_length=100)
    size = models.BigIntegerField(help_text="Bytes.")
    rows = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["at", "name"], name="one_size_an_hour")]

    def __str__(self) -> str:
        return f"{self.name} {self.at}: {self.size}"


class HttpCount(models.Model):
    """Requests that a view answered so, ever, in all web processes; counted where METRICS_TOKEN is set."""

    view = models.CharField(max_length=200)
    method = models.CharField(max_length=10)
    status = models.PositiveSmallIntegerField()
    count = models.BigIntegerField()
    seconds = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["view", "method", "status"], name="one_http_count")]

    def __str__(self) -> str:
        return f"{self.method} {self.view} {self.status}: {self.count}"


class Incident(models.Model):
    """Something that people are warned of: when it began, and when it was over."""

    key = models.CharField(max_length=200, help_text="What it is about, e.g. starved:normal.")
    text = models.TextField()
    began_at = models.DateTimeField(default=timezone.now, db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-began_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(ended_at=None), name="one_open_incident"
            )
        ]

    def __str__(self) -> str:
        return self.key


class FailureMute(models.Model):
    """A group of failures that somebody has seen, or wants to hear no more of."""

    func = models.CharField(max_length=256)
    gist = models.CharField(max_length=GIST_LENGTH, blank=True)
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, blank=True, help_text="Muted until then.")
    version = models.CharField(max_length=100, blank=True, help_text="Muted while this version runs.")
    by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["func", "gist"], name="one_mute_a_group")]

    def __str__(self) -> str:
        return f"{self.func} {self.gist}"
