"""Old rows go in short statements, so that nobody waits long for a lock."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

BATCH = 500  # rows a statement


def delete_created_before(moment: datetime, rows: QuerySet[Any]) -> int:
    """Delete those of these rows that are older; returns how many went."""
    count = 0
    old = rows.filter(created_at__lt=moment).order_by("created_at")
    while ids := list(old.values_list("pk", flat=True)[:BATCH]):
        count += rows.filter(pk__in=ids).delete()[0]
    return count
