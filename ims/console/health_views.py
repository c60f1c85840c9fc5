"""Whether the whole of it works, for load balancers and monitors. Needs no login and tells no secret."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from scheduling import health

UNAVAILABLE = 503


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, each queue has a living cluster and none starves; else 503 and why."""
    found = health.checks()
    return JsonResponse(health.as_json(found), status=200 if health.is_well(found) else UNAVAILABLE)
