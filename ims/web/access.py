"""Who may open a page: deny by default, by role."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from ims.web.registry import allowed

View = Callable[..., HttpResponse]


def needs_role(*names: str) -> Callable[[View], View]:
    """Only people who hold one of these roles; others get 403. The login itself is checked before."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not allowed(request.user, names):
                raise PermissionDenied(f"This page is for the roles {', '.join(names)}.")
            return view(request, *args, **kwargs)

        return guarded

    return guard
