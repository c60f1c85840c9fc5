"""How many requests the web processes answered: one row for each view, method and status."""

from __future__ import annotations

from django.db import transaction

from scheduling import counting
from scheduling.operation_models import HttpCount

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
Counts = dict[tuple[str, str, int], tuple[int, float]]  # view, method, status: how many, seconds


@transaction.atomic
def add(counts: Counts) -> None:
    """Add to what is counted."""
    counting.add(HttpCount, ("view", "method", "status"), counts)
