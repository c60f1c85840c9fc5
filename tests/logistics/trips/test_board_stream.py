"""Boards are told of changes: within a second or two, each to those who may see it, and to no others."""

import contextlib
import threading
from collections.abc import Iterator

import pytest
import requests
from django.test import Client
from django.utils.timezone import now
from knox.models import AuthToken

from logistics import actions, trip_actions
from logistics.fleet.models import StationStaff
from logistics.trips.gps import NewFix
from logistics.trips.models import TripStatus
from tests.logistics.conftest import asked, dbs, eic, ms, other_eic, other_ms
from tests.logistics.trips.watching import Web

__all__ = ["asked", "dbs", "eic", "ms", "other_eic", "other_ms"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.heavy]


@pytest.fixture
def web(transactional_db) -> Iterator[Web]:
    running = Web(TRIP_HEARTBEAT_SECONDS="0.3", TRIP_STREAMS_PER_USER="1")
    yield running
    running.kill()


class Board(threading.Thread):
    """One open board; `told` has what its stream said the board shows, one after the other."""

    def __init__(self, url: str, user) -> None:
        super().__init__(daemon=True)
        self.told: list[str] = []
        headers = {"Authorization": f"Bearer {AuthToken.objects.create(user)[1]}"}
        self.answer = requests.get(url, headers=headers, stream=True, timeout=(5, 30))
        assert self.answer.ok, self.answer.text
        self.start()

    def run(self) -> None:
        named = False
        with contextlib.suppress(requests.RequestException, AttributeError, ValueError):
            for line in self.answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line.startswith("data: ") and not named:
                    self.told.append(line)
                named = line.startswith("event: ")

    def close(self) -> None:
        self.answer.close()


def status_of(url: str, user=None) -> int:
    headers = {"Authorization": f"Bearer {AuthToken.objects.create(user)[1]}"} if user else {}
    with requests.get(url, headers=headers, stream=True, timeout=10) as answer:
        return answer.status_code


def test_the_board_of_trips_is_told_of_moves_and_not_of_each_fix(
    web, wait_for, trip, dispatcher, driver, stranger
):
    url = f"{web.address}/trips/stream/"
    board = Board(url, dispatcher)
    wait_for(lambda: len(board.told) == 1)
    trip_actions.ingest(trip, [NewFix(22.3, 73.18, now())])
    trip_actions.move(trip, TripStatus.EN_ROUTE, None)
    wait_for(lambda: len(board.told) == 2, timeout=5)
    trip_actions.ingest(trip, [NewFix(22.4, 73.18, now())])
    assert [status_of(url, user) for user in (driver.user, stranger, dispatcher)] == [404, 404, 429]
    assert status_of(url) == 401
    assert len(board.told) == 2
    board.close()
    wait_for(lambda: status_of(url, dispatcher) == 200, timeout=10)  # who left counts no more


def test_the_board_of_a_station_is_told_of_its_own_requests_to_its_own_engineers(
    web, wait_for, asked, eic, other_eic, ms, other_ms
):
    url = f"{web.address}/dispatch/stream/?ms="
    board, other = Board(f"{url}{ms.pk}", eic), Board(f"{url}{other_ms.pk}", other_eic)
    wait_for(lambda: len(board.told) == len(other.told) == 1)
    actions.reject(asked(), eic, "No gas today")
    actions.ask_for_gas(asked().dbs, 500, None)
    wait_for(lambda: len(board.told) > 1, timeout=5)
    assert len(other.told) == 1
    assert [status_of(f"{url}{pk}", other_eic) for pk in (ms.pk, "", "x")] == [404, 404, 404]
    StationStaff.objects.filter(user=eic).delete()
    wait_for(lambda: not board.is_alive(), timeout=10)  # at the next heartbeat
    board.close(), other.close()


def test_a_server_without_streams_answers_204_at_once_and_its_pages_ask(dispatcher):
    client = Client()  # it speaks WSGI
    client.force_login(dispatcher)
    assert client.get("/trips/stream/").status_code == 204
    assert 'data-stream="/trips/stream/"' in client.get("/trips/").content.decode()


def test_the_board_of_a_crew_has_no_stream_and_asks(driver):
    client = Client()
    client.force_login(driver.user)
    assert "data-stream" not in client.get("/trips/").content.decode()
