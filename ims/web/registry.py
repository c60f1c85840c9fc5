"""What the rail and the home page show: each app adds its own entries, in its AppConfig.ready().

    from ims.web import registry

    registry.add_nav(registry.NavItem("Shipments", "package", "shipments", roles.STAFF))
    registry.add_card(registry.HomeCard("Shipments", "package", "shipments", roles.STAFF, summary=figures))

Callables get the signed-in user and run at most once a page, only for people whose roles allow the entry.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.contrib.auth.models import AnonymousUser

from ims.accounts.models import User
from ims.lib.words import Words


class Badge(NamedTuple):
    """A number in the rail; state "failed" makes it red. `meaning` is read aloud after it."""

    value: int
    state: str = ""
    meaning: str = ""


class Figure(NamedTuple):
    """One line of a home card; state: ok, run, wait, retry, fail or nothing."""

    label: str
    value: int | str | None
    state: str = ""


@dataclass(frozen=True)
class NavItem:
    title: Words
    icon: str
    url_name: str
    roles: tuple[str, ...] = ()  # none: everybody who is signed in
    badge: Callable[[User], Badge | None] | None = None
    also: Callable[[User], bool] | None = None  # asked of people without any role
    personal: bool = False  # about oneself: not for a superuser who holds none of the roles
    prefix: str = ""  # where its pages begin; none: at its address


@dataclass(frozen=True)
class HomeCard:
    title: Words
    icon: str
    url_name: str  # none: the card leads nowhere
    roles: tuple[str, ...]
    summary: Callable[[User], Iterable[Figure]]


_nav: list[NavItem] = []
_cards: list[HomeCard] = []


def add_nav(item: NavItem) -> None:
    if item not in _nav:
        _nav.append(item)


def add_card(card: HomeCard) -> None:
    if card not in _cards:
        _cards.append(card)


def nav_for(user: User | AnonymousUser) -> list[NavItem]:
    return [item for item in _nav if shown(user, item)]


def cards_for(user: User | AnonymousUser) -> list[HomeCard]:
    return [card for card in _cards if allowed(user, card.roles)]


def shown(user: User | AnonymousUser, item: NavItem) -> bool:
    if not isinstance(user, User):
        return False
    if item.personal:
        return not user.roles.isdisjoint(item.roles)
    return allowed(user, item.roles) or bool(item.also and not user.roles and item.also(user))


def allowed(user: User | AnonymousUser, roles: tuple[str, ...]) -> bool:
    return isinstance(user, User) and (not roles or user.has_role(*roles))
