"""The small firm that the tests of security ask."""

from pathlib import Path

import pytest

from tests.security import world as firm


@pytest.fixture
def world(db, settings, tmp_path: Path) -> firm.World:
    settings.MEDIA_ROOT = str(tmp_path / "media")
    keeping = {"BACKEND": "tests.security.world.KeepingStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": keeping}
    settings.TRACK123_WEBHOOK_SECRET = firm.WEBHOOK_SECRET
    return firm.make()
