"""Pages that keep themselves up to date: a part asks anew, and gets nothing while nothing has moved.

It asks with the version of what it shows, which the view puts into its context as `seen`:

    <div id="board" hx-get="...?seen={{ seen }}" hx-trigger="ims:tick from:body" hx-swap="morph:outerHTML">
"""

from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

NO_CHANGE = 204  # tells htmx to leave the page as it is


def version(facts: object) -> str:
    """Changes whenever these do. Leave out what live.js moves by itself, as ticking times."""
    return sha256(repr(facts).encode()).hexdigest()[:16]


def part(request: HttpRequest, template: str, context: dict[str, Any], event: str = "") -> HttpResponse:
    """What moves alone; nothing while it is what the page shows. `event`: told to the page when it moved."""
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=NO_CHANGE)
    response = render(request, template, context)
    if event:
        response["HX-Trigger"] = event
    return response


def answer(request: HttpRequest, page: str, template: str, context: dict[str, Any]) -> HttpResponse:
    """An address that serves both: the whole page, which knows its part's template as `part`; or the part."""
    if request.htmx:  # type: ignore[attr-defined]  # the middleware sets it
        return part(request, template, context)
    return render(request, page, {**context, "part": template})
