"""Pages that belong to no system: home, health, the API's documentation, the sheet of components."""

from pathlib import Path
from typing import NamedTuple, cast

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control, never_cache
from drf_spectacular.views import SpectacularSwaggerSplitView

from ims.accounts.models import User
from ims.accounts.roles import STAFF
from ims.web import engine
from ims.web.registry import Figure, HomeCard, allowed, cards_for, nav_for
from ims.web.sheet import sample

FAVICON = Path(__file__).parent / "static" / "ims" / "favicon.svg"


class Card(NamedTuple):
    title: str
    icon: str
    url: str
    figures: list[Figure]


def home(request: HttpRequest) -> HttpResponse:
    """One card per system that this person may see, and last the engine under them all."""
    user = cast(User, request.user)  # the middleware lets nobody else in
    cards = [*cards_for(user), *([engine.CARD] if allowed(user, engine.CARD.roles) else [])]
    told = {str(card.title) for card in cards}
    others = [each for each in nav_for(user) if each.url_name != "home" and str(each.title) not in told]
    doors = [Card(str(each.title), each.icon, reverse(each.url_name), []) for each in others]
    context = {"cards": [*(read(card, user) for card in cards), *doors], "for_staff": user.has_role(*STAFF)}
    return render(request, "web/home.html", context)


def read(card: HomeCard, user: User) -> Card:
    figures = [Figure(*line) for line in card.summary(user)]
    url = reverse(card.url_name) if card.url_name else ""
    return Card(str(card.title), card.icon, url, figures)


@login_not_required
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers. Touches no database, so that a slow one does not restart the web server."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@cache_control(public=True, max_age=86_400)
def favicon(request: HttpRequest) -> HttpResponse:
    """Our icon at the address that browsers ask where a page names none."""
    return HttpResponse(FAVICON.read_bytes(), content_type="image/svg+xml")


class ApiDocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files, without inline scripts or styles."""

    template_name = "web/api_docs.html"


def components(request: HttpRequest) -> HttpResponse:
    """Every component on one page, for those who build pages."""
    return render(request, "web/components.html", sample())
