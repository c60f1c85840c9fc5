"""The board of trips: which are on it, in what order, and what its figures count."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from ims.lib.local_time import local_day, midnight
from logistics import trip_actions
from logistics.trips import board
from logistics.trips.models import Trip, TripStatus

pytestmark = pytest.mark.django_db
NOON = midnight(local_day(now())) + timedelta(hours=12)


@pytest.fixture
def planned(patient):
    """A transport that nobody drives yet: `planned(minutes=-30)`; without a time where it is None."""

    def make(minutes: int | None = 20, **fields: object) -> Trip:
        at = None if minutes is None else NOON + timedelta(minutes=minutes)
        return trip_actions.create(None, patient=patient, scheduled_pickup_time=at, **fields)

    return make


def shown(user) -> list[int]:
    return [row.trip.pk for row in board.board(user, NOON).rows]


def test_what_needs_somebody_first_stands_first(dispatcher, planned, under_way):
    to_come, late, flagged = planned(2), planned(-60), planned(-90)
    Trip.objects.filter(pk=flagged.pk).update(timed_out_at=NOON)
    Trip.objects.filter(pk=under_way.pk).update(scheduled_pickup_time=NOON)
    ended = planned(1)
    Trip.objects.filter(pk=ended.pk).update(status=TripStatus.CANCELLED)
    assert shown(dispatcher) == [flagged.pk, late.pk, under_way.pk, to_come.pk, ended.pk]


def test_a_trip_without_a_time_is_on_the_board_and_one_of_another_day_is_not(dispatcher, planned):
    undated = planned(None)
    planned(3 * 24 * 60)
    assert shown(dispatcher) == [undated.pk]


def test_another_days_trips_are_found_by_their_day(client, dispatcher, driver, planned):
    far, today = planned(3 * 24 * 60), planned()
    client.force_login(dispatcher)
    day = local_day(NOON + timedelta(days=3))
    page = client.get(f"/trips/?day={day}").content.decode()
    assert f"/trips/{far.pk}/" in page
    assert f"/trips/{today.pk}/" not in page
    assert f"?day={day + timedelta(days=1)}" in page
    assert "No trips on this day" in client.get("/trips/?day=2020-02-29").content.decode()
    for none in ("9999-12-31", "0001-01-01", "2026-13-01", "x"):
        assert "Trips today" in client.get(f"/trips/?day={none}").content.decode()
    client.force_login(driver.user)
    assert f"/trips/{far.pk}/" not in client.get(f"/trips/?day={day}").content.decode()


def test_figures_count_what_is_not_shown_too(dispatcher, planned, monkeypatch, client):
    monkeypatch.setattr(board, "MOST_SHOWN", 1)
    for _ in range(3):
        planned(-60)
    found = board.board(dispatcher, NOON)
    assert (len(found.rows), found.more, found.counts.late, found.counts.unassigned) == (1, 2, 3, 3)
    client.force_login(dispatcher)
    assert "2 more trips are not shown" in client.get("/trips/").content.decode()


def test_the_board_asks_as_often_for_many_trips(dispatcher, planned, django_assert_num_queries):
    for _ in range(5):
        planned()
    with django_assert_num_queries(3):  # roles, rows, figures
        board.board(dispatcher, NOON)
