"""Two at the same moment, with real connections. PostgreSQL alone lets them meet; SQLite's writers queue up.

A few rounds of each run always, a few hundred with `make test-slow`. Whatever wins, the rows agree.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.utils.timezone import now

from logistics import actions, tasks
from logistics.dispatch import answers, tokens
from logistics.dispatch.errors import Refused
from logistics.dispatch.models import Answer, Offer, StockRequest, TokenStatus, VehicleToken, answer_time
from logistics.fleet import shifts
from logistics.fleet.models import Driver, Vehicle
from logistics.trips.models import Trip, TripStatus
from scheduling.models import QueuedJob
from scheduling.testing import enqueued

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only("postgresql"),  # SQLite's writers queue up by themselves
]

FEW, MANY = 12, 300
rounds = pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])


def meet(*moves: Callable[[], object]) -> list[object]:
    """Do all of these at the same moment, each on a connection of its own; returns what each said."""
    barrier = threading.Barrier(len(moves))

    def run(move: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            barrier.wait(10)
            return move()
        except (Refused, ValidationError) as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(moves)) as pool:
        return list(pool.map(run, moves))


def after(seconds: float, move: Callable[[], object]) -> Callable[[], object]:
    """So much later than the others."""

    def later() -> object:
        time.sleep(seconds)
        return move()

    return later


def done(said: list[object]) -> int:
    return sum(not isinstance(each, Refused | ValidationError) for each in said)


def forget() -> None:
    """A new round."""
    Trip.objects.all().delete()
    VehicleToken.objects.all().delete()
    StockRequest.objects.all().delete()
    QueuedJob.objects.all().delete()
    Vehicle.objects.update(status="available")


def with_token(request: StockRequest, driver: Driver) -> StockRequest:
    token = tokens.join(shifts.active_shift(driver, now()), now())
    VehicleToken.objects.filter(pk=token.pk).update(status=TokenStatus.ALLOCATED, request=request)
    Offer.objects.create(request=request, driver=driver, vehicle=driver.assigned_vehicle)
    return request


def assert_consistent(request: StockRequest) -> str:
    """The request, its trip, its offer and its token tell the same story."""
    request.refresh_from_db()
    has_trip = Trip.objects.filter(stock_request=request).count()
    newest = Offer.objects.filter(request=request).first()
    token = VehicleToken.objects.filter(request=request).first()
    if request.status == "ASSIGNED":
        assert (has_trip, newest.answer) == (1, Answer.ACCEPTED)
        assert token.status == TokenStatus.ALLOCATED
    elif request.status == "PENDING":
        assert has_trip == 0
        assert newest is None or newest.answer in (Answer.EXPIRED, Answer.REJECTED, Answer.WITHDRAWN)
        assert token is None
        assert (request.target_driver, request.assignment_started_at) == (None, None)
    elif request.status == "ASSIGNING":
        assert (has_trip, newest.answer, newest.driver) == (0, Answer.OPEN, request.target_driver)
    return str(request.status)


@rounds
def test_accept_against_expiry(offered, driver, count):
    """The driver answers in the last moment, while two clusters look for overdue offers."""
    won = set()
    for number in range(count):
        forget()
        deadline = now()
        request = with_token(offered(driver, answer_time().total_seconds()), driver)
        StockRequest.objects.update(assignment_started_at=deadline - answer_time())
        in_time = deadline - timedelta(milliseconds=1)

        meet(
            lambda request=request, at=in_time: answers.accept(request.pk, driver, at),
            after(number % 10 * 0.03, tasks.expire_batch),  # the answer asks more before it decides
            after(number % 10 * 0.03, tasks.expire_batch),
        )
        status = assert_consistent(request)
        assert status in ("ASSIGNED", "PENDING")
        assert len(enqueued(tasks.notify_eic_assignment_expired)) == int(status == "PENDING")
        tasks.check_expired_driver_assignments()  # an accepted request never falls back
        assert assert_consistent(request) == status
        won.add(status)
    assert won == {"ASSIGNED", "PENDING"} or count == FEW


@rounds
def test_accept_twice(offered, driver, count):
    for _ in range(count):
        forget()
        request = offered(driver)
        said = meet(*[lambda request=request: actions.accept(request.pk, driver)] * 2)
        assert len({each.trip.pk for each in said}) == 1
        assert sum(each.is_new for each in said) == 1
        assert Trip.objects.count() == 1
        assert len(enqueued(tasks.notify_eic_trip_accepted)) == 1
        assert assert_consistent(request) == "ASSIGNED"


@rounds
def test_accept_and_reject(offered, driver, count):
    for _ in range(count):
        forget()
        request = with_token(offered(driver), driver)
        said = meet(
            lambda request=request: actions.accept(request.pk, driver),
            lambda request=request: actions.decline(request.pk, driver, "No"),
        )
        assert done(said) == 1
        assert assert_consistent(request) in ("ASSIGNED", "PENDING")


@rounds
def test_accept_and_withdraw(offered, driver, eic, count):
    for _ in range(count):
        forget()
        request = with_token(offered(driver), driver)
        said = meet(
            lambda request=request: actions.accept(request.pk, driver),
            lambda request=request: actions.withdraw(StockRequest.objects.get(pk=request.pk), eic),
        )
        assert done(said) == 1
        assert assert_consistent(request) in ("ASSIGNED", "PENDING")


@rounds
def test_two_eics_and_one_driver(asked, driver, eic, admin, count):
    for _ in range(count):
        forget()
        first, second = asked(), asked()
        said = meet(
            lambda request=first: actions.assign(request, driver.pk, eic),
            lambda request=second: actions.assign(request, driver.pk, admin),
        )
        assert done(said) == 1
        assert sorted([assert_consistent(first), assert_consistent(second)]) == ["ASSIGNING", "PENDING"]
        assert len(enqueued(tasks.notify_driver_trip_offer)) == 1


@rounds
def test_one_eic_and_two_requests_for_one_driver(asked, driver, eic, count):
    """He has the board open twice, or his phone repeats what the page has sent."""
    for _ in range(count):
        forget()
        requests = [asked(), asked()]
        said = meet(*[lambda request=each: actions.assign(request, driver.pk, eic) for each in requests])
        assert done(said) == 1
        assert {refusal.code for refusal in said if isinstance(refusal, Refused)} == {"driver_has_offer"}
        assert sorted(assert_consistent(each) for each in requests) == ["ASSIGNING", "PENDING"]
        assert Offer.objects.filter(answer=Answer.OPEN).count() == 1


@rounds
def test_one_eic_assigns_one_request_twice(asked, driver, eic, count):
    for _ in range(count):
        forget()
        request = asked()
        said = meet(
            *[lambda pk=request.pk: actions.assign(StockRequest.objects.get(pk=pk), driver.pk, eic)] * 2
        )
        assert done(said) == 1
        assert assert_consistent(request) == "ASSIGNING"
        assert len(enqueued(tasks.notify_driver_trip_offer)) == 1


@rounds
def test_two_eics_and_one_request(asked, driver, other_driver, eic, admin, count):
    for _ in range(count):
        forget()
        request = asked()
        said = meet(
            lambda request=request: actions.assign(StockRequest.objects.get(pk=request.pk), driver.pk, eic),
            lambda request=request: actions.assign(
                StockRequest.objects.get(pk=request.pk), other_driver.pk, admin
            ),
        )
        assert done(said) == 1
        assert assert_consistent(request) == "ASSIGNING"
        assert Offer.objects.count() == 1


@rounds
def test_one_eic_offers_two_requests_while_the_driver_accepts_a_third(asked, offered, driver, eic, count):
    for _ in range(count):
        forget()
        open_one, first, second = offered(driver), asked(), asked()
        meet(
            lambda request=open_one: actions.accept(request.pk, driver),
            lambda request=first: actions.assign(request, driver.pk, eic),
            lambda request=second: actions.assign(request, driver.pk, eic),
        )
        assert assert_consistent(open_one) == "ASSIGNED"
        assert {assert_consistent(first), assert_consistent(second)} == {"PENDING"}


@rounds
def test_two_requests_and_one_waiting_vehicle(asked, driver, eic, admin, count):
    for _ in range(count):
        forget()
        tokens.join(shifts.active_shift(driver, now()), now())
        first, second = asked(), asked()
        meet(
            lambda request=first: actions.approve(request, eic),
            lambda request=second: actions.approve(request, admin),
        )
        for request in (first, second):
            request.refresh_from_db()
        assert sorted([first.status, second.status]) == ["APPROVED", "ASSIGNING"]


@rounds
def test_vehicles_that_line_up_at_once_get_different_places(driver, other_driver, count):
    for _ in range(count):
        forget()
        lines = [shifts.active_shift(each, now()) for each in (driver, driver, other_driver)]
        said = meet(*[lambda shift=shift: actions.join_queue(shift) for shift in lines])
        assert len({token.number for token in said}) == 2


@rounds
def test_a_delivery_completed_twice_at_once_fills_the_station_once(offered, driver, dbs, count):
    for _ in range(count):
        forget()
        dbs.current_stock_kg = 0
        dbs.save()
        trip = actions.accept(offered(driver).pk, driver).trip
        Trip.objects.update(status=TripStatus.ARRIVED)
        said = meet(*[lambda trip=trip: actions.move_trip(trip, TripStatus.COMPLETED)] * 3)
        dbs.refresh_from_db()
        assert sorted(said) == [False, False, True]
        assert dbs.current_stock_kg == 800


@rounds
def test_clusters_that_look_at_once_take_each_offer_back_once(dbs, on_duty, count):
    drivers = [on_duty(f"d{number}") for number in range(10)]
    for _ in range(max(1, count // 10)):
        forget()
        StockRequest.objects.bulk_create(
            StockRequest(
                dbs=dbs,
                requested_qty_kg=1,
                status="ASSIGNING",
                target_driver=each,
                assignment_started_at=now() - timedelta(hours=1),
            )
            for each in drivers
        )
        said = meet(*[tasks.check_expired_driver_assignments] * 3)
        assert sum(each["expired_count"] for each in said) == len(drivers)
        assert len(enqueued(tasks.notify_eic_assignment_expired)) == len(drivers)


@rounds
def test_two_shifts_of_one_driver_at_the_same_time(driver, count):
    driver.shifts.all().delete()
    vehicle, soon = driver.assigned_vehicle, now() + timedelta(hours=1)
    for _ in range(count):
        said = meet(
            lambda: shifts.propose(driver, vehicle, soon, soon + timedelta(hours=2)),
            lambda: shifts.propose(driver, vehicle, soon, soon, is_recurring=True),
            lambda: shifts.propose(driver, vehicle, soon - timedelta(hours=1), soon + timedelta(hours=1)),
        )
        assert done(said) == 1
        assert driver.shifts.count() == 1
        driver.shifts.all().delete()
