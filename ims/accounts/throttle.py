"""How often one address may sign in or ask for a new password, by pages and API together."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework import status
from rest_framework.throttling import AnonRateThrottle

ASKED = {"login", "admin:login", "password_reset"}  # names of addresses


class LoginThrottle(AnonRateThrottle):
    """Each costs the time of a password's digest. django-axes locks out a guesser besides."""

    scope = "login"


class ThrottleSignInMiddleware:
    """Of the pages; the API's view asks the same throttle itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        match = request.resolver_match
        if request.method != "POST" or match is None or match.view_name not in ASKED:
            return None
        throttle: Any = LoginThrottle()
        if throttle.allow_request(request, None):
            return None
        wait = round(throttle.wait() or 60)
        page = render(
            request,
            "registration/too_often.html",
            {"seconds": wait},
            status=status.HTTP_429_TOO_MANY_REQUESTS,
        )
        page["Retry-After"] = str(wait)
        return page
