"""Fixtures for the stand-ins: name this module in pytest_plugins of tests/conftest.py."""

from collections.abc import Iterator

import pytest

from tests.peers.track123 import Track123Server


@pytest.fixture
def track123(settings) -> Iterator[Track123Server]:
    """A Track123 of our own; settings.TRACK123_BASE_URL points at it and its key is 'test-key'."""
    with Track123Server() as server:
        settings.TRACK123_BASE_URL = server.url
        yield server
