"""What the tests of shipments share: a Track123 on loopback with our key, and packing slips."""

from collections.abc import Callable

import pytest

from masterdata.models import GoogleDriveSettings, PackingSlip
from tests.peers.fixtures import track123
from tests.peers.track123 import Track123Server

__all__ = ["track123"]


@pytest.fixture
def key(db) -> GoogleDriveSettings:
    """The shop's settings with the key that the stand-in accepts."""
    return GoogleDriveSettings.objects.create(email="shop@example.com", track123_api_key="test-key")


@pytest.fixture
def vendor(track123: Track123Server, key: GoogleDriveSettings) -> Track123Server:
    """Track123, reachable and with our key."""
    return track123


@pytest.fixture
def shipped(db) -> Callable[..., PackingSlip]:
    """A shipped packing slip: `shipped("TN1, TN2", order_id="A-1")`."""

    def make(numbers: str = "TN1", **fields: object) -> PackingSlip:
        facts = {
            "order_id": "A-1",
            "status": "shipped",
            "tracking_vendor": "fedex",
            "ship_to": "Maya Lindqvist",
        }
        return PackingSlip.objects.create(**{**facts, "tracking_ids": numbers, **fields})

    return make
