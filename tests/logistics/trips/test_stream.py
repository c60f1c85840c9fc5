"""Everybody who may watch a trip receives its events: all, once, in order, whatever breaks."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice

import pytest
import requests
from django.db import connection, connections, transaction
from django.test import Client
from django.utils.timezone import now
from knox.models import AuthToken

from logistics import tasks, trip_actions
from logistics.trips import feed, sharing
from logistics.trips.feed import Page
from logistics.trips.hub import Hub, Watcher
from logistics.trips.live_models import EventType, TripEvent
from logistics.trips.models import Trip
from logistics.trips.planning import Crew
from tests.logistics.trips.watching import Watching, Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.heavy]


@pytest.fixture
def web(transactional_db) -> Iterator[Web]:
    running = Web(TRIP_HEARTBEAT_SECONDS="0.3", TRIP_STREAMS_PER_USER="3")
    yield running
    running.kill()


@pytest.fixture
def watch(web, trip) -> Iterator[Callable[..., Watching]]:
    """Watch the trip as somebody: `watch(dispatcher)`."""
    begun: list[Watching] = []

    def start(user, after: int | None = None) -> Watching:
        url = f"{web.address}/api/trips/{trip.pk}/stream/"
        begun.append(Watching(url, token_of(user), after))
        return begun[-1]

    yield start
    for each in begun:
        each.stopping = True


def token_of(user) -> str:
    return AuthToken.objects.create(user)[1]


def broadcast(trip: Trip, number: int) -> None:
    tasks.broadcast_gps_update(trip.pk, 22.3 + number / 1000, 73.18, 40.0, 90)


def status_of(url: str, user=None) -> int:
    headers = {"Authorization": f"Bearer {token_of(user)}"} if user else {}
    with requests.get(url, headers=headers, stream=True, timeout=10) as answer:
        return answer.status_code


def test_all_who_may_watch_get_each_event_once_and_others_nothing(
    web, watch, wait_for, trip, dispatcher, driver, patient, stranger
):
    clients = [watch(user) for user in (dispatcher, driver.user, patient.user)]
    for number in range(20):
        broadcast(trip, number)
    tasks.broadcast_trip_status(trip.pk, "en_route", "On the way")
    for client in clients:
        wait_for(lambda client=client: len(client.events) == 21)
        assert client.numbers == list(range(1, 22))
    fix, status = clients[0].events[0], clients[0].events[-1]
    assert set(fix) == {"type", "trip_id", "latitude", "longitude", "speed", "heading", "timestamp"}
    assert (fix["type"], fix["trip_id"], fix["speed"]) == ("gps_update", trip.pk, 40.0)
    assert set(status) == {"type", "trip_id", "status", "timestamp", "message"}
    assert (status["type"], status["status"]) == ("status_update", "en_route")
    url = f"{web.address}/api/trips/{trip.pk}/stream/"
    assert status_of(url, stranger) == 404
    assert status_of(url) == 401
    assert status_of(url.replace(f"/{trip.pk}/", "/999/"), dispatcher) == 404


def test_a_killed_web_process_and_database_connections_lose_nothing_and_double_nothing(
    web, watch, wait_for, trip, dispatcher, driver
):
    clients = [watch(dispatcher), watch(driver.user)]
    for number in range(5):
        broadcast(trip, number)
    wait_for(lambda: all(len(client.events) == 5 for client in clients))
    web.kill()
    for number in range(5, 10):
        broadcast(trip, number)  # while nobody can be reached
    web.start()
    wait_for(lambda: all(len(client.events) == 10 for client in clients), timeout=30)
    cut_connections()
    for number in range(10, 15):
        broadcast(trip, number)
    wait_for(lambda: all(len(client.events) == 15 for client in clients), timeout=30)
    for client in clients:
        assert client.numbers == list(range(1, 16))


def cut_connections() -> None:
    """Every other connection to this database ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


def test_the_right_to_watch_and_the_limit_are_kept(
    web, watch, wait_for, trip, dispatcher, driver, other_driver
):
    his = watch(driver.user)
    wait_for(lambda: his.heartbeats)
    trip_actions.assign(trip, Crew(other_driver, other_driver.assigned_vehicle), None)
    his.stopping = True
    wait_for(lambda: not his.is_alive(), timeout=10)
    url = f"{web.address}/api/trips/{trip.pk}/stream/"
    assert status_of(url, driver.user) == 404
    for _ in range(3):
        watch(dispatcher)
    assert status_of(url, dispatcher) == 429


def test_the_limit_holds_for_streams_that_begin_in_the_same_moment(web, wait_for, trip, dispatcher):
    url, token = f"{web.address}/api/trips/{trip.pk}/stream/", token_of(dispatcher)
    all_at_once = threading.Barrier(12)

    def watch_for_two_heartbeats() -> bool:
        all_at_once.wait(10)
        with requests.get(
            url, headers={"Authorization": f"Bearer {token}"}, stream=True, timeout=20
        ) as answer:
            beats = (line for line in answer.iter_lines(chunk_size=1) if b"heartbeat" in line)
            return answer.ok and len(list(islice(beats, 2))) == 2

    with ThreadPoolExecutor(12) as threads:
        watching = [threads.submit(watch_for_two_heartbeats) for _ in range(12)]
        assert sum(each.result() for each in watching) <= 3


def test_who_was_away_for_too_long_is_told_to_load_anew(watch, wait_for, trip, dispatcher):
    for number in range(5):
        broadcast(trip, number)
    TripEvent.objects.filter(number__lte=3).delete()
    late = watch(dispatcher, after=1)
    wait_for(lambda: late.resets == 1 and late.numbers == [4, 5])


def test_a_shared_link_streams_places_and_no_words(web, wait_for, under_way):
    url, _ = sharing.link(under_way, now(), timedelta(hours=1))
    path = url[url.index("/share/") :]
    guest = Watching(f"{web.address}{path}stream/")
    tasks.broadcast_gps_update(under_way.pk, 22.3, 73.18)
    tasks.broadcast_trip_status(under_way.pk, "at_pickup", "Asha waits")
    wait_for(lambda: len(guest.events) == 2)
    guest.stopping = True
    assert "message" not in guest.events[1]
    assert status_of(f"{web.address}/share/nonsense/stream/") == 404


def test_a_server_without_streams_answers_204_at_once(trip, dispatcher):
    client = Client()  # it speaks WSGI
    client.force_login(dispatcher)
    assert client.get(f"/api/trips/{trip.pk}/stream/").status_code == 204


# --- The table is the truth -----------------------------------------------------------------------------


def test_an_event_that_is_published_twice_is_one_event(trip):
    for _ in range(2):
        tasks.broadcast_gps_update(trip.pk, 1, 2, recorded_at="2026-11-22T09:00:00+00:00")
    assert TripEvent.objects.count() == 1
    assert feed.newest(trip.pk) == 1


def test_an_event_of_no_trip_is_refused_for_good(db):
    with pytest.raises(Exception, match="There is no trip 999") as caught:
        tasks.broadcast_gps_update(999, 1, 2)
    assert caught.value.permanent


def test_an_event_whose_transaction_commits_late_is_not_passed_by_a_later_one(trip):
    """With plain ids the quick one would be read first, and `id > last` would never find the slow one."""
    publish = lambda: feed.publish(trip.pk, EventType.STATUS, now(), status="x", message="")  # noqa: E731
    publish()
    begun, seen = threading.Event(), []

    def slow() -> None:
        with transaction.atomic():
            publish()
            begun.set()
            threading.Event().wait(0.3)
        connections.close_all()

    def quick() -> None:
        begun.wait(5)
        publish()
        connections.close_all()

    writers = [threading.Thread(target=each) for each in (slow, quick)]
    for each in writers:
        each.start()
    last = 1
    while any(each.is_alive() for each in writers) or last < 3:
        page = feed.read(trip.pk, last)
        seen += [event.number for event in page.events]
        last = page.last
    assert seen == [2, 3]


class Stumbling:
    """Wakes the hub; the first time with an error that nobody has thought of."""

    stumbled = False

    def wait(self, selector, seconds):
        if not self.stumbled:
            self.stumbled = True
            raise RuntimeError("what nobody has thought of")
        return selector.select(seconds), False

    def close(self) -> None: ...


def test_the_hub_goes_on_after_an_error_that_nobody_has_thought_of(trip, wait_for):
    broadcast(trip, 1)
    source = Stumbling()
    hub = Hub(lambda channel: source)

    async def first_page() -> Page | None:
        watcher = Watcher(trip.pk, 0, "somebody", asyncio.get_running_loop())
        hub.add(watcher)
        try:
            return await asyncio.wait_for(watcher.pages.get(), 20)
        finally:
            hub.remove(watcher)

    page = asyncio.run(first_page())
    assert source.stumbled
    assert getattr(page, "last", 0) == 1
    wait_for(lambda: hub._thread is None)


def test_polling_gives_the_same_events(api, trip, dispatcher):
    client = api(dispatcher)
    start = client.get(f"/api/trips/{trip.pk}/events/").json()
    broadcast(trip, 1)
    broadcast(trip, 2)
    answer = client.get(f"/api/trips/{trip.pk}/events/?after={start['last']}").json()
    assert [(event["id"], event["type"]) for event in answer["results"]] == [
        (1, "gps_update"),
        (2, "gps_update"),
    ]
    assert client.get(f"/api/trips/{trip.pk}/events/?after={answer['last']}").json()["count"] == 0
    assert client.get(f"/api/trips/{trip.pk}/events/?after=x").status_code == 400
