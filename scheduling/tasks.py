"""The engine's own housekeeping."""

from datetime import datetime, timedelta

from scheduling import (
    HIGH,
    LOW,
    Retry,
    alerts,
    bulk,
    cancelled,
    clock,
    history,
    hooks,
    progress,
    rollups,
    samples,
    task,
)
from scheduling.operation_models import Incident
from scheduling.search import JobFilter

UNTIL_TAKEN = Retry(attempts=10, delay=15)


@task(queue=LOW, timeout=600, every=timedelta(hours=1), unique=True)
def prune_history() -> dict[str, int]:
    """Delete finished jobs that are older than their task keeps them."""
    return history.prune(clock.read())


@task(queue=HIGH, timeout=60, keep=None, every=timedelta(minutes=1), unique=True)
def roll_up() -> int:
    """Count what has ended into the figures of charts and monitors, and sample the queues."""
    now = clock.read()
    samples.take(now)
    return rollups.catch_up(now)


@task(queue=HIGH, timeout=60, keep=None, every=timedelta(minutes=1), unique=True)
def watch() -> int:
    """Warn people of what is wrong now and was not a minute ago, and of what is over."""
    return len(alerts.look(clock.read(), alerts.by_jobs))


@task(queue=HIGH, timeout=60, retries=UNTIL_TAKEN)
def warn_by_email(incident: int, event: str) -> None:
    """Tell ALERT_EMAILS that an incident began or ended."""
    alerts.by_email(Incident.objects.get(pk=incident), event)


@task(queue=HIGH, timeout=60, retries=UNTIL_TAKEN)
def warn_by_webhook(incident: int, event: str) -> None:
    """Tell ALERT_WEBHOOK that an incident began or ended."""
    alerts.by_webhook(Incident.objects.get(pk=incident), event)


@task(queue=HIGH, timeout=3600, retries=UNTIL_TAKEN)
def act_on_all(action: str, wanted: dict[str, str], by: str, until: str, last: int) -> dict[str, int]:
    """Retry, cancel or delete all jobs that match a filter."""

    def tell(done: int, total: int) -> bool:
        progress(done, total, action)
        return cancelled()

    moment = datetime.fromisoformat(until)
    return bulk.run(action, JobFilter(**wanted), by, moment, last, tell)


@task(timeout=300, keep=None)
def call_hook(job_id: str, hook: str) -> None:
    """Call the hook of a job that has ended."""
    hooks.call(job_id, hook)
