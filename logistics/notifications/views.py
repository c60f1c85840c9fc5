"""The record of pushes and e-mails, for those who run IMS."""

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ims.accounts import roles
from ims.web.access import needs_role
from logistics.notifications import fcm
from logistics.notifications.forms import MessageFilter
from logistics.notifications.models import Notification

ROWS = 50  # on a page
LOOK = (roles.OPERATOR, roles.READ_ONLY)


@require_safe
@needs_role(*LOOK)
def deliveries(request: HttpRequest) -> HttpResponse:
    """What was sent to whom on which device, newest first, and why something was not."""
    chosen = MessageFilter(request.GET)
    found = Notification.objects.select_related("user", "device").filter(**chosen.wanted)
    shown = {
        "page_obj": Paginator(found, ROWS).get_page(request.GET.get("page")),
        "filter": chosen,
        "filtered": bool(chosen.wanted),
        "pushes_off": not fcm.is_configured(),
        "stand_in": settings.FCM_BASE_URL,  # only where DEBUG is on
    }
    is_part = request.htmx  # type: ignore[attr-defined]
    name = "logistics/parts/deliveries.html" if is_part else "logistics/deliveries.html"
    return render(request, name, shown)
