"""Who holds a role, and what follows when a person is made."""

from collections.abc import Callable

from django.db.models import Q, QuerySet

from ims.accounts.models import User


def holding(*names: str) -> QuerySet[User]:
    """Active people with one of these roles, each once; superusers hold all."""
    holders = User.objects.filter(groups__name__in=names).values("pk")
    return User.objects.filter(Q(is_superuser=True) | Q(pk__in=holders), is_active=True).order_by("pk")


_welcomes: list[Callable[[User], None]] = []


def when_created(follow: Callable[[User], None]) -> None:
    """Call this for each new person. Apps above this one say so in their AppConfig.ready()."""
    if follow not in _welcomes:
        _welcomes.append(follow)


def created(user: User) -> None:
    """Whoever makes a person calls this, in the same transaction."""
    for follow in _welcomes:
        follow(user)
