"""Hearing of commits on SQLite, with and without the system telling of writes."""

import selectors
import sqlite3
import threading

import pytest
from django.db import connection

from scheduling import inotify, wakeup

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only("sqlite"),
]


@pytest.fixture(params=[True, False], ids=["told", "looking"])
def is_told(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(wakeup, "writes_to", lambda path: None)
    return request.param


@pytest.fixture
def counter(is_told):
    counter = wakeup.CommitCounter()
    counter.heard()
    yield counter
    counter.close()


def commit() -> None:
    """As another process does."""
    with sqlite3.connect(connection.settings_dict["NAME"]) as other:
        [(version,)] = other.execute("PRAGMA user_version")
        other.execute(f"PRAGMA user_version = {version + 1}")
    other.close()


def test_a_commit_elsewhere_is_heard_of(counter):
    threading.Timer(0.3, commit).start()
    assert counter.wait(selectors.DefaultSelector(), 20) == ([], True)


def test_without_one_the_wait_ends_in_time(counter):
    assert counter.wait(selectors.DefaultSelector(), 0.05) == ([], False)


def test_the_counter_is_seldom_looked_at_where_the_system_tells(counter, is_told, monkeypatch):
    looks = []
    monkeypatch.setattr(counter, "heard", lambda: looks.append(1))
    counter.wait(selectors.DefaultSelector(), 1)
    assert len(looks) <= 3 if is_told else len(looks) > 20


def test_only_writes_to_the_file_and_its_companions_are_told(tmp_path):
    writes = inotify.writes_to(str(tmp_path / "x.sqlite3"))
    (tmp_path / "other.log").write_text("line")
    assert not writes.take()
    (tmp_path / "x.sqlite3-wal").write_text("frame")
    assert writes.take()
    assert not writes.take()
    writes.close()


def test_a_folder_that_is_not_there_tells_nothing():
    assert inotify.writes_to("/nowhere/x.sqlite3") is None
    assert inotify.writes_to("") is None
