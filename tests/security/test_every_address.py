"""Every address of the resolver, asked by everybody: who is answered is who the table says.

An address without a rule fails, so that nobody adds one without saying whom it is for.
"""

from collections import defaultdict

import pytest

from ims.accounts import roles
from tests.conftest import make_user
from tests.security.addresses import SAFE, UNSAFE, every_address, fill
from tests.security.asking import ANSWERED, SIGN_IN, Asker
from tests.security.rules import ADMIN, BY_TOKEN, RULES, SIGNED_IN, Rule
from tests.security.world import ANONYMOUS, BODIES, DOUBLES, NOBODY, PEOPLE, SUPERUSER, World

ADDRESSES = every_address()
SOMEBODYS = (
    "/dispatch/",
    "/drive/",
    "/station/",
    "/trips/",
    "/api/trips/",
    "/api/eic/",
    "/api/driver",
    "/invoices/",
    "/api/invoices/",
)
OUTSIDER = "an outsider"
ONLY_SUPERUSERS = Rule(frozenset({SUPERUSER}), frozenset({SUPERUSER}))


def rule_of(address: str) -> Rule:
    return RULES.get(address, ONLY_SUPERUSERS)


def people_for(address: str, named: frozenset[str]) -> list[str]:
    """Whom to ask: a visitor, everybody who is named, and those who are not.

    Where roles alone decide, one outsider with every other role stands for all who hold some of them, and
    who has no role for everybody where none is needed.
    """
    if address.startswith(ADMIN) and "{" in address:
        return [ANONYMOUS, NOBODY]  # Django's own forms
    if address.startswith(SOMEBODYS):
        return [ANONYMOUS, *PEOPLE]
    if named >= SIGNED_IN:
        return [ANONYMOUS, NOBODY]
    return [ANONYMOUS, *sorted(named - {ANONYMOUS, *DOUBLES}), OUTSIDER]


class Askers:
    """Everybody's browser; outsiders are made when they are needed."""

    def __init__(self, world: World) -> None:
        self.known: dict[object, Asker] = {name: Asker(user) for name, user in world.people.items()}
        self.known[ANONYMOUS] = Asker(None)

    def of(self, name: str, named: frozenset[str]) -> Asker:
        key = named if name == OUTSIDER else name
        if key not in self.known:
            others = [role for role in roles.ALL if role not in named]
            self.known[key] = Asker(make_user(f"outsider-{len(self.known)}", *others))
        return self.known[key]


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    ruled = set(RULES) | {address for address in ADDRESSES if address.startswith(ADMIN)}
    assert {"without a rule": set(ADDRESSES) - ruled, "without an address": set(RULES) - set(ADDRESSES)} == {
        "without a rule": set(),
        "without an address": set(),
    }


@pytest.mark.once
def test_each_address_answers_whom_its_rule_names_and_nobody_else(world: World, quick) -> None:
    """Looking first: what acts would change what others look at."""
    askers = Askers(world)
    wrong: dict[str, dict[str, str]] = defaultdict(dict)
    for verb, methods in (("look", SAFE), ("act", UNSAFE)):
        for address, taken in ADDRESSES.items():
            named = getattr(rule_of(address), verb)
            asked = [path_of(address, world), BODIES.get(address, {})]
            for name in people_for(address, named):
                asker = askers.of(name, named)
                meanings = {asker.ask(method, *asked) for method in sorted(taken & methods)}
                if complaint := complain(address, name, meanings, is_named=name in named):
                    wrong[f"{verb} {address}"][name] = complaint
    assert dict(wrong) == {}


def path_of(address: str, world: World) -> str:
    values = defaultdict(lambda: 1) if address.startswith(ADMIN) else world.values(address)
    return fill(address, values)


def complain(address: str, name: str, meanings: set[str], *, is_named: bool) -> str:
    """What is wrong with these answers, or nothing."""
    is_admin = address.startswith(ADMIN)
    if ANSWERED in meanings and not is_named:
        return "was answered"
    if (
        ANSWERED not in meanings and is_named and not is_admin
    ):  # Django's admin has pages for other models' ids
        return "was refused"
    if SIGN_IN in meanings and name != ANONYMOUS and not is_admin and address not in BY_TOKEN:
        return "was sent to sign in"
    return ""
