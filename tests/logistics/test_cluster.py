"""Offers end in time while a real cluster lives, and pushes really leave it."""

from datetime import timedelta

import pytest

from logistics import actions
from logistics.dispatch.models import Offer, StockRequest
from logistics.notifications.models import Notification
from scheduling import schedules
from tests.logistics.conftest import phone_of

pytestmark = pytest.mark.django_db(transaction=True)
ANSWER_SECONDS = 3
PROMISED = timedelta(seconds=5)  # after the deadline at most


def test_offers_end_within_five_seconds_of_their_time_and_are_told_once(
    qcluster, wait_for, asked, on_duty, eic, fcm, settings
):
    settings.DRIVER_ASSIGNMENT_TIMEOUT_SECONDS = ANSWER_SECONDS
    phone_of(eic)
    drivers = [on_duty(f"d{number}") for number in range(5)]
    environment = {
        "DEBUG": "1",  # the stand-in is refused otherwise
        "FCM_BASE_URL": fcm.url,
        "GOOGLE_APPLICATION_CREDENTIALS": settings.GOOGLE_APPLICATION_CREDENTIALS,
        "DRIVER_ASSIGNMENT_TIMEOUT_SECONDS": str(ANSWER_SECONDS),
    }
    for _ in range(2):
        qcluster("--workers", "2", **environment)
    net = "check_expired_driver_assignments"  # has run, and is not due again before the deadlines
    wait_for(lambda: schedules.status(net).task_count, timeout=30)
    for driver in drivers:
        phone_of(driver.user)
        actions.assign(asked(), driver.pk, eic)
    wait_for(lambda: Offer.objects.filter(answer="expired").count() == len(drivers), timeout=30)
    for offer in Offer.objects.all():
        assert offer.answered_at - offer.offered_at < timedelta(seconds=ANSWER_SECONDS) + PROMISED
    assert set(StockRequest.objects.values_list("status", flat=True)) == {"PENDING"}
    told = Notification.objects.filter(type="ASSIGNMENT_EXPIRED", status="sent")
    wait_for(lambda: told.count() == len(drivers), timeout=30)
    titles = [push["notification"]["title"] for push in fcm.arrived("phone-of-eic")]
    assert titles == ["Driver Assignment Expired"] * len(drivers)
    assert len(fcm.arrived("phone-of-d0")) == 1
