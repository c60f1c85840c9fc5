"""What every page knows: the server's time and the rail's entries."""

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

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
        "nav": SimpleLazyObject(lambda: entries(request)),  # fragments, which show no rail, ask nothing
    }


def entries(request: HttpRequest) -> list[Entry]:
    return [entry(item, request) for item in nav_for(request.user)] if hasattr(request, "user") else []


def entry(item: NavItem, request: HttpRequest) -> Entry:
    url = reverse(item.url_name)
    here = request.path == url or (url != "/" and request.path.startswith(url))
    return Entry(item.title, item.icon, url, here, item.badge(request.user) if item.badge else None)
