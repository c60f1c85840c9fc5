"""What people get where something failed: 503 while the database is away, which passes; else 500."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults
from django.views.decorators.csrf import requires_csrf_token

AGAIN = 5  # seconds after which another try is worth it


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """Without a context, as Django's own: a page that asks the database would fail again."""
    if not is_of_database(sys.exception()):
        return defaults.server_error(request)
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(AGAIN)})


def is_of_database(error: BaseException | None) -> bool:
    """Whether it is, or follows from, a database that does not answer: the first error may lead to others."""
    while error and not isinstance(error, OperationalError | InterfaceError):
        error = error.__cause__ or error.__context__
    return error is not None
