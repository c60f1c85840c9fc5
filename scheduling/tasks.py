"""The engine's own housekeeping."""

from datetime import timedelta

from django.utils import timezone

from scheduling import LOW, history, task


@task(queue=LOW, timeout=600, every=timedelta(hours=1), unique=True)
def prune_history() -> dict[str, int]:
    """Delete finished jobs that are older than their task keeps them."""
    return history.prune(timezone.now())
