"""The kinds of notices there are: each app adds its own, in its AppConfig.ready().

kinds.add(kinds.Kind("tracking.exception", _("A parcel has an exception"), (roles.OPERATIONS,), "fail"))
"""

from dataclasses import dataclass

from ims.accounts.models import User
from ims.lib.words import Words


@dataclass(frozen=True)
class Kind:
    name: str
    title: Words
    roles: tuple[str, ...] = ()  # whom it may concern; none: everybody
    state: str = "run"  # the colour of its mark: ok, run, wait, retry or fail


_kinds: dict[str, Kind] = {}


def add(kind: Kind) -> None:
    _kinds[kind.name] = kind


def get(name: str) -> Kind:
    """The kind of this name; one that is no longer declared still has a mark and its name as title."""
    return _kinds.get(name) or Kind(name, name)


def known(name: str) -> bool:
    return name in _kinds


def kinds_for(user: User) -> list[Kind]:
    return [kind for kind in _kinds.values() if not kind.roles or user.has_role(*kind.roles)]
