"""What a locked-out guesser sees."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext
from rest_framework import status

from ims.lib.api import API_PREFIX, error_response


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """Too many failed sign-ins for this name from this address."""
    wait = settings.AXES_COOLOFF_TIME
    minutes = int(wait.total_seconds() // 60)
    if request.path.startswith(API_PREFIX):
        period = ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
        message = f"Too many failed sign-ins. Try again in {period}, or reset the password."
        response = error_response(request, "locked_out", message, status.HTTP_429_TOO_MANY_REQUESTS)
    else:
        response = render(
            request,
            "registration/locked_out.html",
            {"minutes": minutes},
            status=status.HTTP_429_TOO_MANY_REQUESTS,
        )
    response["Retry-After"] = str(int(wait.total_seconds()))
    return response
