"""What every page knows of notices: the bell's number."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from ims.notices import services


def bell(request: HttpRequest) -> dict[str, Any]:
    """Asked once, and only by pages that show the bell; nothing for visitors."""
    user = getattr(request, "user", None)  # there is none when an early middleware refused
    if user is None or not user.is_authenticated:
        return {}
    return {"bell": SimpleLazyObject(lambda: services.unread(user))}
