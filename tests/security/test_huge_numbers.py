"""Numbers that no row can have, wherever an address, a query or a body takes one: never a crash."""

from collections.abc import Iterator

import pytest

from ims.accounts.roles import DRIVER, EIC, STATION_OPERATOR
from tests.security.addresses import every_address, fill
from tests.security.asking import ANSWERED, Asker
from tests.security.rules import ADMIN
from tests.security.world import SUPERUSER, World

pytestmark = pytest.mark.once
HUGE = (2**63, "9" * 5000)  # more than a column holds, more than Python reads
OURS = {address: taken for address, taken in every_address().items() if not address.startswith(ADMIN)}
OWN = {"/drive/": DRIVER, "/api/driver": DRIVER, "/dispatch/": EIC, "/station/": STATION_OPERATOR}
FIELDS = """
    after bill_of_entry cursor dbs driver driver_id license ms page page_size paramedic patient pk q seen
    stock_request_id supplier trip trip_id vehicle
"""
SAYS_THAT_IT_IS_OVER = {("post", "/drive/offers/{pk}/{verb}/")}


@pytest.fixture
def askers(world: World, quick) -> dict[str, Asker]:
    return {name: Asker(world.people[name]) for name in {SUPERUSER, *OWN.values()}}


def asker_of(address: str, askers: dict[str, Asker]) -> Asker:
    return askers[next((who for beginning, who in OWN.items() if address.startswith(beginning)), SUPERUSER)]


def test_nothing_is_found_at_the_address_of_a_huge_number(world: World, askers) -> None:
    answered = set()
    for huge in HUGE:
        for address, path in paths_with(huge, world):
            for method in OURS[address]:
                if asker_of(address, askers).ask(method, path, {}) == ANSWERED:
                    answered.add((method, address))
    assert answered == SAYS_THAT_IT_IS_OVER


def paths_with(huge: object, world: World) -> Iterator[tuple[str, str]]:
    """Each address in whose braces a number stands, with this number in its place."""
    for address in OURS:
        known = world.values(address)
        ids = {name: huge for name, value in known.items() if isinstance(value, int)}
        if any(f"{{{name}}}" in address for name in ids):
            yield address, fill(address, {**known, **ids})


def test_a_huge_number_in_a_query_crashes_nothing(world: World, askers) -> None:
    query = "?" + "&".join(f"{name}={HUGE[-1]}" for name in FIELDS.split())
    for address in (each for each, taken in OURS.items() if "get" in taken):
        path = fill(address, world.values(address))
        asker_of(address, askers).ask("get", path + query, {})  # a crash fails here


def test_a_huge_number_in_a_form_crashes_nothing(world: World, askers) -> None:
    """Bodies of the API: test_openapi.py."""
    for address in (each for each, taken in OURS.items() if "post" in taken and not each.startswith("/api/")):
        path = fill(address, world.values(address))
        asker_of(address, askers).ask("post", path, dict.fromkeys(FIELDS.split(), str(HUGE[0])))
