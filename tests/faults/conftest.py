"""What the tests of faults share with those of shipments."""

from tests.masterdata.conftest import key, shipped, vendor
from tests.peers.fixtures import track123

__all__ = ["key", "shipped", "track123", "vendor"]
