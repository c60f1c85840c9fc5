"""Pages that move: a page, or its moving part alone, or nothing while nothing moved."""

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

NO_CHANGE = 204  # tells htmx to leave the page as it is


def answer(
    request: HttpRequest, page: str, part: str, context: dict[str, Any], facts: object
) -> HttpResponse:
    """`facts`: what the part shows, without what live.js keeps moving by itself."""
    seen = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    if not request.htmx:  # type: ignore[attr-defined]  # the middleware sets it
        return render(request, page, {**context, "seen": seen, "part": part})
    if request.GET.get("seen") == seen:
        return HttpResponse(status=NO_CHANGE)
    return render(request, part, {**context, "seen": seen})
