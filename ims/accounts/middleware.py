"""Deny by default: an address needs a login unless its view says `login_not_required`."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import middleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import resolve_url
from rest_framework import status

from ims.lib.api import API_PREFIX, error_response


class LoginRequiredMiddleware(middleware.LoginRequiredMiddleware):
    """Pages lead to the sign-in page; a plain view under /api/ answers 401, as DRF's do by themselves."""

    def handle_no_permission(  # type: ignore[override]  # Django's own knows redirects alone
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseBase:
        if request.path.startswith(API_PREFIX):
            return unauthorized(request)
        if "HX-Request" in request.headers:
            return whole_page_sign_in(request, self.get_login_url(view_func))
        return super().handle_no_permission(request, view_func)


class NotKeptMiddleware:
    """What a person sees is for that person: no proxy or browser keeps it, unless a view says otherwise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def unauthorized(request: HttpRequest) -> HttpResponse:
    message = "Sign in, or send the header Authorization: Bearer TOKEN."
    response = error_response(request, "not_authenticated", message, status.HTTP_401_UNAUTHORIZED)
    response["WWW-Authenticate"] = "Bearer"
    return response


def whole_page_sign_in(request: HttpRequest, login_url: str) -> HttpResponse:
    """Tell htmx to leave the page, instead of swapping the sign-in form into a part of it."""
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    query = QueryDict(mutable=True)
    query["next"] = f"{page.path or '/'}?{page.query}".removesuffix("?")
    address = f"{resolve_url(login_url)}?{query.urlencode(safe='/')}"
    return HttpResponse(status=status.HTTP_401_UNAUTHORIZED, headers={"HX-Redirect": address})
