"""The addresses of IMS and pages that exist only for tests."""

from itertools import count

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import engines
from django.urls import path

from ims.urls import urlpatterns as real
from ims.web import views

PARTS = """{% extends "base.html" %}{% block main %}<h1>Parts</h1>{% include part %}
<button type="button" data-dialog="ask" hx-get="/question/" hx-target="#body">Ask</button>
<dialog id="ask" aria-label="A question"><div id="body">What another one was asked</div></dialog>
{% endblock %}"""
PART = """<div id="part" hx-get="/parts/" hx-trigger="ims:tick from:body" hx-swap="morph:outerHTML">
<p>Look {{ look }}</p><progress value="{{ look }}" max="9" aria-label="Done"></progress>
<label>Reason <input></label> <label>Notes <textarea></textarea></label>
<details><summary>More</summary>What is below</details></div>"""
LOOKS = count(1)


@login_not_required
def crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("provoked by a test")


def say(request: HttpRequest, level: str) -> HttpResponse:
    getattr(messages, level)(request, f"This is a message of the level {level}.")
    return redirect("home")


def parts(request: HttpRequest) -> HttpResponse:
    """A page whose part is another one at each look."""
    page, part = (engines["django"].from_string(source) for source in (PARTS, PART))
    context = {"look": next(LOOKS), "part": part}
    return HttpResponse((part if request.htmx else page).render(context, request))


urlpatterns = [
    *real,
    path("components/", views.components),
    path("crash/", crash),
    path("parts/", parts),
    path("say/<level>/", say),
]
