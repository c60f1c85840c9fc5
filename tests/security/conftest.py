"""The small firm that the tests of security ask."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from rest_framework.throttling import SimpleRateThrottle

from tests.security import world as firm


@pytest.fixture
def world(db, settings, tmp_path: Path) -> firm.World:
    settings.MEDIA_ROOT = str(tmp_path / "media")
    keeping = {"BACKEND": "tests.security.world.KeepingStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": keeping}
    settings.TRACK123_WEBHOOK_SECRET = firm.WEBHOOK_SECRET
    return firm.make()


@pytest.fixture
def quick(settings, monkeypatch) -> Iterator[None]:
    """Thousands of requests: sessions without a table, no log, no throttle."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *_: True)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
