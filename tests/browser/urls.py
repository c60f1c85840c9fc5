"""The addresses of IMS and pages that exist only for tests."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from ims.urls import urlpatterns as real
from ims.web import views


@login_not_required
def crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("provoked by a test")


def say(request: HttpRequest, level: str) -> HttpResponse:
    getattr(messages, level)(request, f"This is a message of the level {level}.")
    return redirect("home")


urlpatterns = [
    *real,
    path("components/", views.components),
    path("crash/", crash),
    path("say/<level>/", say),
]
