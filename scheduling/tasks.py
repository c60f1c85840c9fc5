"""The engine's own housekeeping."""

from datetime import timedelta

from scheduling import HIGH, LOW, clock, history, hooks, rollups, samples, task


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


@task(timeout=300, keep=None)
def call_hook(job_id: str, hook: str) -> None:
    """Call the hook of a job that has ended."""
    hooks.call(job_id, hook)
