"""What the board asks every two seconds is found by its index, on each database."""

import pytest
from django.db import connection

from logistics.dispatch import board
from logistics.dispatch.models import ASSIGNABLE, IS_OPEN, StockRequest

pytestmark = pytest.mark.django_db


def test_among_many_requests_the_open_ones_are_found_by_their_index(asked, ms):
    """What the board asks every two seconds, and the rail on each page."""
    done = {"dbs": asked().dbs, "requested_qty_kg": 1, "status": "COMPLETED"}
    StockRequest.objects.bulk_create(StockRequest(**done) for _ in range(2000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    open_ones = StockRequest.objects.filter(IS_OPEN, dbs__parent_station=ms)
    for question in (board.by_urgency(open_ones), open_ones.filter(status__in=ASSIGNABLE)):
        assert "request_open" in question.explain()
