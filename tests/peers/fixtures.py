"""Fixtures for the stand-ins: name this module in pytest_plugins of tests/conftest.py."""

from collections.abc import Iterator

import pytest

from tests.peers.fcm import FcmServer
from tests.peers.smtp import SmtpServer
from tests.peers.track123 import Track123Server


@pytest.fixture
def track123(settings) -> Iterator[Track123Server]:
    """A Track123 of our own; settings.TRACK123_BASE_URL points at it and its key is 'test-key'."""
    with Track123Server() as server:
        settings.TRACK123_BASE_URL = server.url
        yield server


@pytest.fixture
def fcm(settings, tmp_path) -> Iterator[FcmServer]:
    """Firebase of our own, with credentials that sign in there; see FcmServer for what it can be told."""
    with FcmServer() as server:
        settings.GOOGLE_APPLICATION_CREDENTIALS = server.write_credentials(tmp_path / "firebase.json")
        settings.FCM_BASE_URL = server.url
        settings.FCM_TIMEOUT_SECONDS = 0.5
        yield server


@pytest.fixture
def smtp(settings) -> Iterator[SmtpServer]:
    """A mail server of our own, through which Django really sends."""
    with SmtpServer() as server:
        settings.EMAIL_BACKEND = "ims.notices.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_TIMEOUT = 0.5  # seconds
        yield server
