"""The arrows in here: notifications ← fleet ← trips ← dispatch, billing ← tasks ← actions ← api, views."""

import pytest

from tests.test_architecture import FILES, imports_of, module_of, within

PACKAGES = (
    "logistics.notifications", "logistics.fleet", "logistics.trips", "logistics.dispatch",
    "logistics.billing",
)  # fmt: skip
BESIDE = {"logistics.billing": ("logistics.dispatch",)}
TOP = ("logistics.tasks", "logistics.actions", "logistics.trip_actions", "logistics.invoice_actions")
DOORS = {  # what outside comes in by
    "api", "gps_api", "views", "act_views", "board_views", "driver_views", "station_views", "trip_views",
    "share_views", "stream_views",
}  # fmt: skip
INSIDE = [path for path in FILES if within(module_of(path), *PACKAGES)]


@pytest.mark.parametrize("path", INSIDE, ids=str)
def test_a_package_imports_only_packages_before_it(path):
    module = module_of(path)
    own = next(place for place, package in enumerate(PACKAGES) if within(module, package))
    later = (*PACKAGES[own + 1 :], *BESIDE.get(PACKAGES[own], ()), *(() if path.stem in DOORS else TOP))
    assert not {name for name in imports_of(path) if within(name, *later)}
