"""Rate limits shared by all processes."""

import time

import pytest
from django.db import transaction

from scheduling import Throttle, Throttled
from scheduling.throttle import reserve

pytestmark = pytest.mark.django_db


def test_slots_are_spaced_evenly():
    waits = [reserve("vendor", 5) for _ in range(4)]
    assert waits == pytest.approx([0, 0.2, 0.4, 0.6], abs=0.05)


def test_two_limits_do_not_share_slots():
    assert reserve("query", 5) == reserve("import", 5) == 0


def test_a_slot_too_far_away_is_told_but_not_taken():
    reserve("vendor", 0.1)
    with pytest.raises(Throttled, match="used up") as refusal:
        Throttle("vendor", 0.1).wait(timeout=1)
    assert refusal.value.retry_after == pytest.approx(10, abs=0.5)
    assert reserve("vendor", 0.1) == pytest.approx(10, abs=0.5)


def test_wait_sleeps_until_the_slot():
    throttle = Throttle("vendor", 10)
    began = time.monotonic()
    for _ in range(3):
        throttle.wait()
    assert time.monotonic() - began >= 0.19


@pytest.mark.django_db(transaction=True)
def test_waiting_inside_a_transaction_is_refused():
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        Throttle("vendor", 10).wait()
