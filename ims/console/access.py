"""What a person may do in the console beside looking."""

from django.http import HttpRequest

from ims.web.registry import allowed
from scheduling import roles


def may_act(request: HttpRequest) -> bool:
    return allowed(request.user, roles.OPERATE)
