"""What every page knows: the server's time, the zone of operations and the rail's entries."""

from typing import Any, NamedTuple, cast

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from ims.accounts.models import User
from ims.web.registry import Badge, NavItem, nav_for


class Entry(NamedTuple):
    title: str
    icon: str
    url: str
    here: bool
    badge: Badge | None


def page(request: HttpRequest) -> dict[str, Any]:
    return {
        "now": timezone.now().isoformat(timespec="milliseconds"),
        "zone": settings.OPERATIONS_TIME_ZONE,
        "nav": SimpleLazyObject(lambda: entries(request)),  # fragments, which show no rail, ask nothing
    }


def entries(request: HttpRequest) -> list[Entry]:
    user = getattr(request, "user", AnonymousUser())  # there is none when an early middleware refused
    return [entry(item, cast(User, user), request.path) for item in nav_for(user)]


def entry(item: NavItem, user: User, path: str) -> Entry:
    url = reverse(item.url_name)
    here = path == url or (url != "/" and path.startswith(item.prefix or url))
    return Entry(str(item.title), item.icon, url, here, item.badge(user) if item.badge else None)
