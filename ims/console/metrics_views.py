"""/metrics, for Prometheus, which shows METRICS_TOKEN, and for superusers; without a token for them alone."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ims.accounts.middleware import unauthorized
from scheduling import metrics
from scheduling.exposition import CONTENT_TYPE


@login_not_required
@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Everything a monitor is told."""
    if not may_read(request):
        return unauthorized(request)
    return HttpResponse(metrics.text(), content_type=CONTENT_TYPE)


def may_read(request: HttpRequest) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    shown = kind == "Bearer" and bool(settings.METRICS_TOKEN)
    return (shown and constant_time_compare(token, settings.METRICS_TOKEN)) or (
        request.user.is_active and request.user.is_superuser
    )
