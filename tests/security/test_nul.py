"""A NUL in an address or a form, which PostgreSQL cannot hold: an answer, never a crash."""

import pytest

from tests.security.addresses import every_address, fill
from tests.security.asking import Asker
from tests.security.rules import ADMIN
from tests.security.world import SUPERUSER, World

WORDS = ("q", "task", "queue", "error", "reason", "text", "name", "kind", "how", "filter", "company", "notes")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/shipments/?q=%00", "/api/masterdata/products/?x=1%002", "/%00/"])
def test_an_address_with_a_nul_is_refused(client, operations, address) -> None:
    client.force_login(operations)
    answer = client.get(address)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/json" if "/api/" in address else "text/html")


@pytest.mark.only("postgresql")
def test_a_nul_in_a_form_crashes_nothing(world: World, quick) -> None:
    """Bodies of the API: test_openapi.py."""
    asker = Asker(world.people[SUPERUSER])
    for address, taken in every_address().items():
        if "post" in taken and not address.startswith(("/api/", ADMIN)):
            path = fill(address, world.values(address))
            asker.ask("post", path, dict.fromkeys(WORDS, "a\0b"))  # a crash fails here
